"""NTLM messages made by hand ([MS-NLMP]), so that each can be made wrong on purpose."""
import hashlib
import hmac
import os
import struct
import time

from Cryptodome.Cipher import ARC4, DES
from Cryptodome.Hash import MD4

UNICODE, REQUEST_TARGET, SIGN, NTLM, ANONYMOUS, ALWAYS_SIGN, ESS, TARGET_INFO, VERSION, KEY_128, KEY_EXCHANGE, KEY_56 = (
    0x1, 0x4, 0x10, 0x200, 0x800, 0x8000, 0x80000, 0x800000, 0x2000000, 0x20000000, 0x40000000, 0x80000000)
FLAGS = UNICODE | REQUEST_TARGET | SIGN | NTLM | ALWAYS_SIGN | ESS | TARGET_INFO | VERSION | KEY_128 | KEY_EXCHANGE | KEY_56
OUR_VERSION = bytes([10, 0, 0x5d, 0x58, 0, 0, 0, 15])
AV_EOL, AV_FLAGS, AV_TIMESTAMP, AV_TARGET_NAME, AV_CHANNEL_BINDINGS = 0, 6, 7, 9, 10
MIC_PRESENT = 0x2


def hmac_md5(key, data):
    return hmac.new(key, data, hashlib.md5).digest()


def nt_hash(password):
    return MD4.new(password.encode('utf-16-le')).digest()


def des_long(key, data):
    """[MS-NLMP] 6 DESL: three DES blocks under the 16-byte key padded to 21."""
    out = b''
    for part in (key[0:7], key[7:14], key[14:16] + b'\0' * 5):
        bits = int.from_bytes(part, 'big')
        spread = bytes((bits >> (49 - 7 * i) & 0x7f) << 1 for i in range(8))
        out += DES.new(spread, DES.MODE_ECB).encrypt(data)
    return out


def negotiate_message(flags=FLAGS):
    return b'NTLMSSP\0' + struct.pack('<II', 1, flags) + struct.pack('<HHI', 0, 0, 0) * 2 + OUR_VERSION


class Challenge:
    """[MS-NLMP] 2.2.1.2 CHALLENGE_MESSAGE."""

    def __init__(self, raw):
        assert raw[:12] == b'NTLMSSP\0\2\0\0\0', raw[:16]
        self.raw = raw
        self.flags, = struct.unpack_from('<I', raw, 20)
        self.server_challenge = raw[24:32]
        length, _, offset = struct.unpack_from('<HHI', raw, 40)
        self.target_info = raw[offset:offset + length]
        self.pairs = []
        at = 0
        while at + 4 <= len(self.target_info):
            kind, size = struct.unpack_from('<HH', self.target_info, at)
            if kind == AV_EOL:
                break
            self.pairs.append((kind, self.target_info[at + 4:at + 4 + size]))
            at += 4 + size


def pairs_to_bytes(pairs):
    return b''.join(struct.pack('<HH', k, len(v)) + v for k, v in pairs) + struct.pack('<HH', AV_EOL, 0)


class Authenticate:
    """Makes the AUTHENTICATE_MESSAGE for a challenge. Knobs:

    mic: 'good'; 'left out' (not announced, field zero); 'zero' (announced, field zero); 'wrong'.
    response: 'v2'; 'v1'; 'v1 with session security'; 'none'.
    """

    def __init__(self, negotiate, challenge, user, password, domain='', mic='good', response='v2', flags=None):
        flags = (challenge.flags & FLAGS if flags is None else flags)
        user_w, domain_w = user.encode('utf-16-le'), domain.encode('utf-16-le')
        lm, nt = b'\0' * 24, b''
        if response == 'v2':
            key = hmac_md5(nt_hash(password), user.upper().encode('utf-16-le') + domain_w)
            pairs = list(challenge.pairs)
            if mic != 'left out':
                pairs.append((AV_FLAGS, struct.pack('<I', MIC_PRESENT)))
            pairs.append((AV_CHANNEL_BINDINGS, b'\0' * 16))
            pairs.append((AV_TARGET_NAME, 'cifs/127.0.0.1'.encode('utf-16-le')))
            stamp = dict(pairs).get(AV_TIMESTAMP) or struct.pack('<Q', int((time.time() + 11644473600) * 10_000_000))
            temp = bytes([1, 1, 0, 0, 0, 0, 0, 0]) + stamp + os.urandom(8) + b'\0' * 4 + pairs_to_bytes(pairs) + b'\0' * 4
            proof = hmac_md5(key, challenge.server_challenge + temp)
            nt = proof + temp
            base = hmac_md5(key, proof)
        elif response == 'v1':
            flags &= ~ESS
            hashed = nt_hash(password)
            nt = des_long(hashed, challenge.server_challenge)
            lm = nt
            base = MD4.new(hashed).digest()
        elif response == 'v1 with session security':
            hashed, nonce = nt_hash(password), os.urandom(8)
            lm = nonce + b'\0' * 16
            nt = des_long(hashed, hashlib.md5(challenge.server_challenge + nonce).digest()[:8])
            base = hmac_md5(MD4.new(hashed).digest(), challenge.server_challenge + nonce)
        else:
            lm, base = b'\0', b'\0' * 16
            flags |= ANONYMOUS
        self.session_key = os.urandom(16)
        wrapped = ARC4.new(base).encrypt(self.session_key)
        self.flags = flags
        head = b'NTLMSSP\0' + struct.pack('<I', 3)
        offset, fields, payload = 88, b'', b''
        for item in (lm, nt, domain_w, user_w, 'CLIENT'.encode('utf-16-le'), wrapped):
            fields += struct.pack('<HHI', len(item), len(item), offset)
            offset += len(item)
            payload += item
        before = head + fields + struct.pack('<I', flags) + OUR_VERSION
        sum_ = hmac_md5(self.session_key, negotiate + challenge.raw + before + b'\0' * 16 + payload)
        field = {'good': sum_, 'left out': b'\0' * 16, 'zero': b'\0' * 16, 'wrong': bytes(b ^ 0x55 for b in sum_)}[mic]
        self.raw = before + field + payload

    def signature(self, data):
        """[MS-NLMP] 3.4.4.2: the first signature this client makes, for SPNEGO's mechListMIC."""
        sign_key = hashlib.md5(self.session_key + b'session key to client-to-server signing key magic constant\0').digest()
        seal_key = hashlib.md5(self.session_key + b'session key to client-to-server sealing key magic constant\0').digest()
        checksum = hmac_md5(sign_key, struct.pack('<I', 0) + data)[:8]
        if self.flags & KEY_EXCHANGE:
            checksum = ARC4.new(seal_key).encrypt(checksum)
        return struct.pack('<I', 1) + checksum + struct.pack('<I', 0)
