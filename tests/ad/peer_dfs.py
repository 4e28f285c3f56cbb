"""Reads a file through a DFS folder again and again with smbprotocol: PATH USER PASSWORD LOG STOP. Each time that what it reads is
another than before, a line goes to LOG: the time in seconds, and the contents or the name of the error. Ends when STOP is there."""
import os
import sys
import time

import smbclient

path, user, password, log, stop = sys.argv[1:]
before = None
with open(log, 'a', buffering=1) as out:
    while not os.path.exists(stop):
        try:
            with smbclient.open_file(path, username=user, password=password, auth_protocol='ntlm', share_access='rwd',
                                     connection_timeout=5) as f:
                now = f.read().strip()
        except Exception as e:      # a server that is gone shows in many ways
            now = type(e).__name__
        if now != before:
            out.write('%.3f %s\n' % (time.time(), now))
            before = now
        time.sleep(0.1)
