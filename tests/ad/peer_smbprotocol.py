"""A client written with smbprotocol: HOST ADDRESS SHARE USER PASSWORD ntlm|kerberos signed|encrypted. Prints `done`."""
import os
import sys

import smbclient

host, _, share, user, password, how, protection = sys.argv[1:]
name = '%s@CORP.EXAMPLE' % user if how == 'kerberos' else 'CORP\\' + user
options = {'username': name, 'password': password, 'encrypt': protection == 'encrypted', 'auth_protocol': how}
root = r'\\%s\%s' % (host, share)

session = smbclient.register_session(host, **options)
assert session.encrypt_data == (protection == 'encrypted')
body = os.urandom(100_000)
with smbclient.open_file(root + r'\a.bin', mode='wb', **options) as f:
    f.write(body)
with smbclient.open_file(root + r'\a.bin', mode='rb', **options) as f:
    assert f.read() == body
assert smbclient.listdir(root, **options) == ['a.bin']
smbclient.remove(root + r'\a.bin', **options)
smbclient.reset_connection_cache()
print('done')
