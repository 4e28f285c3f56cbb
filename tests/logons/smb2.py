"""An SMB2 client on a bare socket ([MS-SMB2]) that does what it is told, right or wrong."""
import hashlib
import hmac
import os
import socket
import struct

from Cryptodome.Cipher import AES
from Cryptodome.Hash import CMAC

NEGOTIATE, SESSION_SETUP, LOGOFF, TREE_CONNECT, TREE_DISCONNECT, CREATE, CLOSE, READ, WRITE, ECHO = 0, 1, 2, 3, 4, 5, 6, 8, 9, 13
FLAG_SIGNED = 0x8
HMAC_SHA256, AES_CMAC, AES_GMAC = 0, 1, 2
AES_128_GCM = 2
SESSION_ENCRYPT = 0x4

SUCCESS = 0
MORE_PROCESSING_REQUIRED = 0xC0000016
ACCESS_DENIED = 0xC0000022
LOGON_FAILURE = 0xC000006D
USER_SESSION_DELETED = 0xC0000203


class Closed(Exception):
    """The server closed the connection."""


def kdf(key, label, context):
    """SP800-108 in counter mode with HMAC-SHA256, 128 bits."""
    data = struct.pack('>I', 1) + label + b'\0' + context + struct.pack('>I', 128)
    return hmac.new(key, data, hashlib.sha256).digest()[:16]


class Client:
    """One connection."""

    def __init__(self, host, port, source=None, dialects=(0x0311,), signing=(AES_CMAC,), ciphers=(), timeout=20):
        self.socket = socket.create_connection((host, port), timeout, source_address=(source, 0) if source else None)
        self.host = host
        self.dialects, self.offered_signing, self.offered_ciphers = dialects, signing, ciphers
        self.message_id = 0
        self.preauth = b'\0' * 64
        self.session_id = 0
        self.session_flags = 0
        self.session_preauth = None
        self.signing_key = None
        self.sealing_keys = None
        self.dialect = None
        self.signing_algorithm = AES_CMAC
        self.cipher = None

    def close(self):
        self.socket.close()

    # --- frames ---------------------------------------------------------------------------------------------------

    def send_frame(self, data):
        self.socket.sendall(struct.pack('>I', len(data)) + data)

    def receive_exactly(self, count):
        data = b''
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionResetError:
                more = b''
            if not more:
                raise Closed()
            data += more
        return data

    def receive_frame(self):
        return self.receive_exactly(struct.unpack('>I', self.receive_exactly(4))[0])

    # --- messages -------------------------------------------------------------------------------------------------

    def signature(self, message):
        message = message[:48] + b'\0' * 16 + message[64:]
        if self.dialect < 0x0300 or (self.dialect == 0x0311 and self.signing_algorithm == HMAC_SHA256):
            return hmac.new(self.signing_key, message, hashlib.sha256).digest()[:16]
        if self.dialect == 0x0311 and self.signing_algorithm == AES_GMAC:
            message_id, = struct.unpack_from('<Q', message, 24)
            flags, command = struct.unpack_from('<I', message, 16)[0], struct.unpack_from('<H', message, 12)[0]
            bits = (1 if flags & 1 else 0) | (2 if command == 12 else 0)
            cipher = AES.new(self.signing_key, AES.MODE_GCM, nonce=struct.pack('<QI', message_id, bits))
            cipher.update(message)
            return cipher.digest()
        return CMAC.new(self.signing_key, message, AES).digest()

    def message(self, command, body, tree_id=0, session_id=None, sign=True):
        """A request. `sign`: True, False (no signature at all), or 'wrong' (flag and a made-up signature)."""
        flags = FLAG_SIGNED if sign and self.signing_key else 0
        header = struct.pack('<4sHHIHHIIQIIQ16s', b'\xfeSMB', 64, 1, 0, command, 31, flags, 0, self.message_id, 0,
                             tree_id, self.session_id if session_id is None else session_id, b'\0' * 16)
        self.message_id += 1
        data = header + body
        if flags:
            mark = os.urandom(16) if sign == 'wrong' else self.signature(data)
            data = data[:48] + mark + data[64:]
        return data

    def seal(self, message):
        """[MS-SMB2] 2.2.41 SMB2 TRANSFORM_HEADER, AES-128-GCM."""
        nonce = os.urandom(12)
        rest = nonce + b'\0' * 4 + struct.pack('<IHHQ', len(message), 0, 1, self.session_id)
        cipher = AES.new(self.sealing_keys[0], AES.MODE_GCM, nonce=nonce)
        cipher.update(rest)
        text, tag = cipher.encrypt_and_digest(message)
        return b'\xfdSMB' + tag + rest + text

    def unseal(self, frame):
        cipher = AES.new(self.sealing_keys[1], AES.MODE_GCM, nonce=frame[20:32])
        cipher.update(frame[20:52])
        return cipher.decrypt_and_verify(frame[52:], frame[4:20])

    def exchange(self, data, encrypt=False):
        """Sends a request and returns (status, whole response message)."""
        self.send_frame(self.seal(data) if encrypt else data)
        while True:
            frame = self.receive_frame()
            if frame[:4] == b'\xfdSMB':
                frame = self.unseal(frame)
            status, = struct.unpack_from('<I', frame, 8)
            if status != 0x103:        # STATUS_PENDING: the final response follows
                return status, frame

    def request(self, command, body, encrypt=False, **how):
        return self.exchange(self.message(command, body, **how), encrypt)

    # --- commands -------------------------------------------------------------------------------------------------

    def negotiate(self):
        contexts = []
        if 0x0311 in self.dialects:
            contexts.append((1, struct.pack('<HHH', 1, 32, 1) + os.urandom(32)))
            if self.offered_ciphers:
                contexts.append((2, struct.pack('<H', len(self.offered_ciphers)) +
                                 b''.join(struct.pack('<H', c) for c in self.offered_ciphers)))
            if self.offered_signing:
                contexts.append((8, struct.pack('<H', len(self.offered_signing)) +
                                 b''.join(struct.pack('<H', c) for c in self.offered_signing)))
        fixed = 36 + 2 * len(self.dialects)
        offset = (64 + fixed + 7) // 8 * 8
        capabilities = 0x40 if self.offered_ciphers else 0
        body = struct.pack('<HHHHI', 36, len(self.dialects), 1, 0, capabilities) + os.urandom(16)
        body += struct.pack('<IHH', offset, len(contexts), 0) if contexts else b'\0' * 8
        body += b''.join(struct.pack('<H', d) for d in self.dialects)
        for kind, data in contexts:
            body += b'\0' * (-len(body) % 8)
            body += struct.pack('<HHI', kind, len(data), 0) + data
        data = self.message(NEGOTIATE, body, session_id=0)
        status, answer = self.exchange(data)
        if status != SUCCESS:
            return status
        self.dialect, count = struct.unpack_from('<HH', answer, 64 + 4)
        if self.dialect == 0x0311:
            self.preauth = hashlib.sha512(hashlib.sha512(b'\0' * 64 + data).digest() + answer).digest()
            at, = struct.unpack_from('<I', answer, 64 + 60)
            for _ in range(count):
                at = (at + 7) // 8 * 8
                kind, size = struct.unpack_from('<HH', answer, at)
                if kind == 8:
                    self.signing_algorithm, = struct.unpack_from('<H', answer, at + 10)
                if kind == 2:
                    self.cipher, = struct.unpack_from('<H', answer, at + 10)
                at += 8 + size
        return status

    def session_setup(self, token, session_id=0, sign=False):
        """One leg; returns (status, server's token). Keeps the pre-authentication hash and the session's id."""
        body = struct.pack('<HBBIIHHQ', 25, 0, 1, 0, 0, 64 + 24, len(token), 0) + token
        data = self.message(SESSION_SETUP, body, session_id=session_id, sign=sign)
        if session_id == 0:
            self.session_preauth = self.preauth
        self.session_preauth = hashlib.sha512(self.session_preauth + data).digest()
        status, answer = self.exchange(data)
        if status == MORE_PROCESSING_REQUIRED:
            self.session_preauth = hashlib.sha512(self.session_preauth + answer).digest()
        if status in (SUCCESS, MORE_PROCESSING_REQUIRED):
            self.session_id, = struct.unpack_from('<Q', answer, 40)
            self.session_flags, offset, length = struct.unpack_from('<HHH', answer, 64 + 2)
            return status, answer[offset:offset + length], answer
        return status, b'', answer

    def derive(self, session_key):
        """Keys of the session from the key that the logon gave ([MS-SMB2] 3.3.5.5.3)."""
        if self.dialect == 0x0311:
            self.signing_key = kdf(session_key, b'SMBSigningKey\0', self.session_preauth)
            self.sealing_keys = (kdf(session_key, b'SMBC2SCipherKey\0', self.session_preauth),
                                 kdf(session_key, b'SMBS2CCipherKey\0', self.session_preauth))
        elif self.dialect >= 0x0300:
            self.signing_key = kdf(session_key, b'SMB2AESCMAC\0', b'SmbSign\0')
        else:
            self.signing_key = session_key

    def signed_well(self, answer):
        flags, = struct.unpack_from('<I', answer, 16)
        return bool(flags & FLAG_SIGNED) and answer[48:64] == self.signature(answer)

    def tree_connect(self, share, **how):
        path = ('\\\\%s\\%s' % (self.host, share)).encode('utf-16-le')
        status, answer = self.request(TREE_CONNECT, struct.pack('<HHHH', 9, 0, 64 + 8, len(path)) + path, **how)
        return status, struct.unpack_from('<I', answer, 36)[0]

    def create(self, tree_id, name, **how):
        path = name.encode('utf-16-le')
        body = struct.pack('<HBBIQQIIIIIHHII', 57, 0, 0, 2, 0, 0, 0x001F01FF, 0x80, 7, 3, 0x40, 64 + 56, len(path), 0, 0)
        return self.request(CREATE, body + (path or b'\0'), tree_id=tree_id, **how)

    def echo(self, **how):
        return self.request(ECHO, struct.pack('<HH', 4, 0), **how)[0]
