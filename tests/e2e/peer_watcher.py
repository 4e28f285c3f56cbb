"""Watches a folder: HOST PORT SHARE USER PASSWORD FOLDER [FILTER]. Prints `ready`, then the name of the first change. FILTER: a flag
of CompletionFilter, without it changes of access."""
import sys

import smbclient
from smbclient._pool import get_smb_tree
from smbprotocol.change_notify import CompletionFilter, FileSystemWatcher
from smbprotocol.open import CreateDisposition, CreateOptions, FilePipePrinterAccessMask, ImpersonationLevel, Open, ShareAccess

host, port, share, user, password, folder, *chosen = sys.argv[1:]
smbclient.register_session(host, username=user, password=password, port=int(port), auth_protocol='ntlm')
tree, _ = get_smb_tree(r'\\%s\%s' % (host, share), port=int(port), username=user, password=password)
handle = Open(tree, folder)
handle.create(ImpersonationLevel.Impersonation, FilePipePrinterAccessMask.GENERIC_READ, 0,
              ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_DELETE,
              CreateDisposition.FILE_OPEN, CreateOptions.FILE_DIRECTORY_FILE)
watcher = FileSystemWatcher(handle)
watcher.start(getattr(CompletionFilter, chosen[0] if chosen else 'FILE_NOTIFY_CHANGE_SECURITY'))
print('ready', flush=True)
watcher.wait()
print(watcher.result[0]['file_name'].get_value(), flush=True)
