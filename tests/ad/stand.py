"""A controller at a second address: whoever uses it there can be cut off at a moment that a case chooses, or be told nothing any more,
while everybody else reaches it at its own address.
"""
import contextlib
import socket
import threading

import hosts
from rig.harness import Failed

LDAP = 389
BER_SEQUENCE = 0x30     # how an LDAP message begins; one that is sealed begins with its length in four bytes, of which the first is zero
CHANGE_LENGTH = 600     # a change of a password carries two of 240 bytes, and is longer than every question of a member


class Stand:
    """`dc` at `address` (of this machine), all of its ports."""

    def __init__(self, t, dc, address):
        self.t, self.dc, self.address = t, dc, address
        self.silent = threading.Event()
        self.lock, self.wait_for_change, self.opened = threading.Lock(), None, []
        self.seen = threading.Event()
        hosts.run('ip', 'addr', 'add', address + '/24', 'dev', 'br0')
        t.finally_(self.end)
        lines = dc.host.run('ss', '-Hltn').splitlines()
        for port in sorted({int(line.split()[3].rpartition(':')[2]) for line in lines}):
            listener = socket.create_server((address, port))
            self.opened.append(listener)
            threading.Thread(target=self.accept, args=(listener, port), daemon=True).start()
        pings = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        pings.bind((address, LDAP))
        self.opened.append(pings)
        threading.Thread(target=self.answer_pings, args=(pings,), daemon=True).start()

    def end(self):
        with self.lock:
            opened, self.opened = self.opened, []
        for s in opened:
            shut(s)
        hosts.run('ip', 'addr', 'del', self.address + '/24', 'dev', 'br0')

    def at_the_change(self, then):
        """The next change of a password on a connection that is made from now on is held: `then` gets it, as a `Change`, and
        until that sends it on nothing more goes over that connection."""
        self.seen.clear()
        with self.lock:
            self.wait_for_change = then

    def answer_pings(self, pings):
        with contextlib.suppress(OSError):
            while True:
                question, client = pings.recvfrom(65536)
                if self.silent.is_set():
                    continue
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, contextlib.suppress(TimeoutError):
                    server.settimeout(2)
                    server.sendto(question, (self.dc.address, LDAP))
                    pings.sendto(server.recv(65536), client)

    def accept(self, listener, port):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with self.lock:
                    self.opened.append(client)
                    then = self.wait_for_change if port == LDAP else None
                threading.Thread(target=self.serve, args=(client, port, then), daemon=True).start()

    def serve(self, client, port, then):
        if self.silent.is_set():
            return
        with contextlib.suppress(OSError):
            server = socket.create_connection((self.dc.address, port))
            with self.lock:
                self.opened.append(server)
            change = Change(client, server)
            threading.Thread(target=self.carry, args=(server, client, change), daemon=True).start()
            if then is None:
                self.carry(client, server, change)
            else:
                self.watch(change, then)

    def carry(self, source, sink, change):
        """From one to the other, as long as the controller is not silent."""
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if change.held:
                    change.answered.set()
                elif self.silent.is_set():
                    return
                else:
                    sink.sendall(data)
        shut(source)
        shut(sink)

    def watch(self, change, then):
        """As `carry`, message by message, until one of them is the change."""
        pending = b''
        while data := change.client.recv(65536):
            if self.silent.is_set():
                return
            pending += data
            while (length := message_length(pending)) and len(pending) >= length:
                message, pending = pending[:length], pending[length:]
                if message[0] != BER_SEQUENCE and length > CHANGE_LENGTH:
                    with self.lock:
                        mine = self.wait_for_change is then
                        self.wait_for_change = None if mine else self.wait_for_change
                    if mine:
                        change.held = message
                        self.seen.set()
                        then(change)
                        return
                change.server.sendall(message)
        shut(change.client)
        shut(change.server)


class Change:
    """A connection, and the change of a password that came by on it, if one did."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.held, self.answered = None, threading.Event()

    def deliver(self, seconds=60):
        """Sends the change on, and waits for an answer, which the client does not see."""
        self.server.sendall(self.held)
        if not self.answered.wait(seconds):
            raise Failed('the controller does not answer a change within %d s' % seconds)

    def send_on(self):
        """As if it had never been held: the client gets the answer."""
        message, self.held = self.held, None
        self.server.sendall(message)

    def lose_the_answer(self):
        self.deliver()
        shut(self.client)


def message_length(data):
    """The length of the first message, with its header; None while that cannot be known."""
    if len(data) < 6:
        return None
    if data[0] != BER_SEQUENCE:
        return 4 + int.from_bytes(data[:4], 'big')
    if data[1] < 0x80:
        return 2 + data[1]
    octets = data[1] & 0x7f
    return 2 + octets + int.from_bytes(data[2:2 + octets], 'big')


def shut(s):
    with contextlib.suppress(OSError):
        s.shutdown(socket.SHUT_RDWR)
    s.close()
