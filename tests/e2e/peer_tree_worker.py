"""Works in a tree until `stop` comes on standard input: HOST PORT SHARE USER PASSWORD NUMBER. Makes, writes, renames (within the
tree, folders too) and deletes files. Prints `ready`, then `done COUNT`."""
import random
import sys
import threading

import smbclient
from smbprotocol.exceptions import SMBOSError

host, port, share, user, password, number = sys.argv[1:]
options = {'username': user, 'password': password, 'port': int(port), 'auth_protocol': 'ntlm'}
root = r'\\%s\%s' % (host, share)
r = random.Random(int(number))
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()

folders = [name for name in smbclient.listdir(root, **options) if name.startswith('d')]
mine, count = [], 0
print('ready', flush=True)
while not stop.is_set():
    folder = '%s\\%s%s' % (root, r.choice(folders), r.choice(('', '\\sub')))
    what = r.randrange(6)
    try:
        if what <= 2 or not mine:
            path = '%s\\new-%s-%d' % (folder, number, count)
            with smbclient.open_file(path, mode='wb', **options) as f:
                f.write(b'content')
            mine.append(path)
        elif what == 3:
            path = '%s\\dir-%s-%d' % (folder, number, count)
            smbclient.mkdir(path, **options)
            with smbclient.open_file(path + '\\file', mode='wb', **options) as f:
                f.write(b'content')
            smbclient.rename(path, '%s\\%s\\moved-%s-%d' % (root, r.choice(folders), number, count), **options)
        elif what == 4:
            at = r.randrange(len(mine))
            to = '%s\\renamed-%s-%d' % (folder, number, count)
            smbclient.rename(mine[at], to, **options)
            mine[at] = to
        else:
            smbclient.remove(mine.pop(r.randrange(len(mine))), **options)
    except SMBOSError as e:
        # STATUS_SHARING_VIOLATION, STATUS_ACCESS_DENIED of a folder in which the other worker has a file open
        if e.ntstatus not in (0xC0000043, 0xC0000022):
            raise
        continue
    count += 1
print('done %d' % count, flush=True)
