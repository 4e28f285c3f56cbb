"""A client that has a file open."""
import contextlib
import json
import os
import subprocess
import time

from rig.harness import Failed


@contextlib.contextmanager
def file_open(t, share, name):
    """smbclient with `name` of the share open for reading: it waits for a reader of its pipe. Gives the client's process.

    The file is made on the server: a client that put it would have it open, then not, then open again."""
    pipe = t.folder / ('pipe-' + name)
    os.mkfifo(pipe)
    (share.path / name).write_text('text\n')
    command = ['smbclient', '-s', str(t.conf), '-p', str(t.server.port), '-U', str(t.user), '//%s/%s' % (t.server.host, share.name),
               '-c', 'get %s %s' % (name, pipe)]
    client = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            rows = json.loads(t.server.run('openfile', 'list', '-o', 'json').stdout)
            if any(row['ShareRelativePath'] == name and row['ShareName'] == share.name for row in rows):
                break
            time.sleep(0.1)
        else:
            raise Failed('smbclient has no file open')
        yield client
    finally:
        client.kill()
        client.wait()
