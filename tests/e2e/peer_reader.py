"""Reads \\d\\secret for some seconds: HOST PORT SHARE USER PASSWORD SECONDS. Prints how often it read what."""
import collections
import sys
import time

import smbclient
from smbprotocol.exceptions import SMBLinkRedirectionError

host, port, share, user, password, seconds = sys.argv[1:]
options = {'username': user, 'password': password, 'port': int(port), 'auth_protocol': 'ntlm'}
seen = collections.Counter()
end = time.monotonic() + float(seconds)
while time.monotonic() < end:
    try:
        with smbclient.open_file(r'\\%s\%s\d\secret' % (host, share), mode='r', **options) as f:
            seen[f.read()] += 1
    except SMBLinkRedirectionError:
        seen['a link'] += 1
    except OSError as e:
        seen['error'] += 1
        if 'connection' in str(e).lower():
            raise
print(dict(seen))
