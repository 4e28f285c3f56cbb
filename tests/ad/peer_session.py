"""A session that lives: HOST SHARE USER PASSWORD ntlm|kerberos. Prints `ready`, then for every line it reads `ok` after a
write and a read in the share, or what went wrong."""
import os
import sys

import smbclient

host, share, user, password, how = sys.argv[1:]
name = '%s@CORP.EXAMPLE' % user if how == 'kerberos' else 'CORP\\' + user
options = {'username': name, 'password': password or None, 'auth_protocol': how, 'connection_timeout': 10}
path = r'\\%s\%s\%s-%d' % (host, share, user, os.getpid())
smbclient.register_session(host, **options)
print('ready', flush=True)
for line in sys.stdin:
    try:
        with smbclient.open_file(path, mode='wb', **options) as f:
            f.write(line.encode())
        with smbclient.open_file(path, mode='rb', **options) as f:
            assert f.read() == line.encode()
        print('ok', flush=True)
    except Exception as e:
        print('%s: %s' % (type(e).__name__, str(e).replace('\n', ' ')), flush=True)
