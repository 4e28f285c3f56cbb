"""Opens files without end: HOST PORT SHARE USER PASSWORD. Prints `opened NAME` for every file that the server has said is open,
and ends with `lost` when the connection does. Several connections at a time, so that some are always under way."""
import sys
import threading

import smbclient

host, port, share, user, password = sys.argv[1:]
root = r'\\%s\%s' % (host, share)
say = threading.Lock()


def work(number):
    options = {'username': user, 'password': password, 'port': int(port), 'auth_protocol': 'ntlm',
               'connection_cache': {}}
    n = 0
    try:
        while True:
            name = 'w%d-%06d' % (number, n)
            f = smbclient.open_file(root + '\\' + name, mode='wb', buffering=0, **options)
            with say:
                print('opened %s' % name, flush=True)
            f.write(b'x')
            with say:
                print('written %s' % name, flush=True)
            f.close()
            if n % 3 == 0:
                smbclient.remove(root + '\\' + name, **options)
                with say:
                    print('deleted %s' % name, flush=True)
            n += 1
    except Exception as e:      # whatever way this client tells that the server is gone
        with say:
            print('lost: %s' % type(e).__name__, flush=True)


threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
