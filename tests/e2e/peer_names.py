"""Opens every file by the name that the listing shows: HOST PORT SHARE USER PASSWORD. Prints each content on a line."""
import sys

import smbclient

host, port, share, user, password = sys.argv[1:]
options = {'username': user, 'password': password, 'port': int(port), 'auth_protocol': 'ntlm'}
root = r'\\%s\%s' % (host, share)
for name in smbclient.listdir(root, **options):
    with smbclient.open_file(root + '\\' + name, mode='r', **options) as f:
        print(f.read().replace('\n', ' '))
