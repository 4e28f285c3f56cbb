"""The few SPNEGO tokens a client needs ([MS-SPNG], RFC 4178), made by hand."""

SPNEGO_OID = bytes.fromhex('06062b0601050502')
NTLM_OID = bytes.fromhex('060a2b06010401823702020a')


def tlv(tag, body):
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(body).to_bytes(size, 'big') + body


def mech_list():
    return tlv(0x30, NTLM_OID)


def init(token):
    inner = tlv(0xa0, mech_list()) + tlv(0xa2, tlv(0x04, token))
    return tlv(0x60, SPNEGO_OID + tlv(0xa0, tlv(0x30, inner)))


def response(token, mic=None):
    inner = tlv(0xa2, tlv(0x04, token))
    if mic is not None:
        inner += tlv(0xa3, tlv(0x04, mic))
    return tlv(0xa1, tlv(0x30, inner))


def ntlm_in(token):
    """The NTLM message inside of a server's token."""
    return token[token.index(b'NTLMSSP\0'):]
