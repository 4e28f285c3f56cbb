"""Security descriptors as bytes, written from [MS-DTYP] 2.4 by hand: what a test sends does not come from what it tests."""
import struct

TYPES = {'A': 0, 'D': 1, 'AU': 2, 'XA': 9, 'XD': 10, 'ML': 0x11, 'RA': 0x12, 'SP': 0x13}
FLAGS = {'OI': 1, 'CI': 2, 'NP': 4, 'IO': 8, 'ID': 0x10, 'SA': 0x40, 'FA': 0x80}
MASKS = {'F': 0x1F01FF, 'M': 0x1301BF, 'RX': 0x1200A9, 'R': 0x120089, 'W': 0x120116, 'D': 0x110000, 'RD': 1, 'WD': 2, 'AD': 4,
         'X': 0x20, 'DC': 0x40, 'RA': 0x80, 'WA': 0x100, 'DE': 0x10000, 'RC': 0x20000, 'WDAC': 0x40000, 'WO': 0x80000,
         'S': 0x100000, 'GR': 0x80000000, 'GA': 0x10000000, 'NW': 1, 'NR': 2, 'NX': 4, '-': 0}


def mask(text):
    bits = 0
    for word in text.split(','):
        bits |= int(word, 16) if word.startswith('0x') else MASKS[word]
    return bits


def sid(text):
    parts = text.split('-')
    authority, subs = int(parts[2]), [int(p) for p in parts[3:]]
    return struct.pack('>BBHI', 1, len(subs), authority >> 32, authority & 0xFFFFFFFF) + struct.pack('<%dI' % len(subs), *subs)


def ace(kind, flags, rights, who, data=b''):
    """One entry; `kind` is a name of TYPES or a number, `flags` names with blanks between."""
    number = TYPES[kind] if kind in TYPES else int(kind, 0)
    bits = sum(FLAGS[f] for f in flags.split())
    data += bytes(-len(data) % 4)
    body = struct.pack('<I', mask(rights)) + sid(who) + data
    return struct.pack('<BBH', number, bits, 4 + len(body)) + body


def acl(aces, revision=2):
    body = b''.join(aces)
    return struct.pack('<BBHHH', revision, 0, 8 + len(body), len(aces), 0) + body


def descriptor(owner=None, group=None, dacl=None, sacl=None, control=0):
    """Self-relative; the parts stand in the order owner, group, SACL, DACL."""
    control |= 0x8000 | (4 if dacl is not None else 0) | (0x10 if sacl is not None else 0)
    offsets, body = [], b''
    for part in (owner and sid(owner), group and sid(group), sacl, dacl):
        offsets.append(20 + len(body) if part else 0)
        body += part or b''
    return struct.pack('<BBH4I', 1, 0, control, *offsets) + body


# --- conditions ([MS-DTYP] 2.4.4.17), in postfix order ---------------------------------------------------------------

def counted(data):
    return struct.pack('<I', len(data)) + data


def attribute(name):
    for prefix, code in (('@User.', 0xF9), ('@Resource.', 0xFA), ('@Device.', 0xFB)):
        if name.startswith(prefix):
            return bytes([code]) + counted(name[len(prefix):].encode('utf-16-le'))
    return b'\xF8' + counted(name.encode('utf-16-le'))


def text(value):
    return b'\x10' + counted(value.encode('utf-16-le'))


def number(value):
    return b'\x04' + struct.pack('<qBB', value, 3, 2)


def sids(*values):
    return b'\x50' + counted(b''.join(b'\x51' + counted(sid(v)) for v in values))


OPERATORS = {'==': 0x80, '!=': 0x81, '<': 0x82, '<=': 0x83, '>': 0x84, '>=': 0x85, 'Contains': 0x86, 'Exists': 0x87,
             'Any_of': 0x88, 'Member_of': 0x89, 'Member_of_Any': 0x8B, 'Not_Exists': 0x8D, 'Not_Member_of': 0x90,
             '&&': 0xA0, '||': 0xA1, '!': 0xA2}


def condition(tokens, name_of=lambda name: name):
    """From a list such as ['@Resource.Level', 3, '>', ['engineers'], 'Member_of', '&&']; 'text: ...' is a text literal."""
    out = b'artx'
    for token in tokens:
        if isinstance(token, list):
            out += sids(*[name_of(n) for n in token])
        elif isinstance(token, int):
            out += number(token)
        elif token in OPERATORS:
            out += bytes([OPERATORS[token]])
        elif token.startswith('text: '):
            out += text(token[6:])
        else:
            out += attribute(token)
    return out


def claim(name, values):
    """[MS-DTYP] 2.4.10.1: a resource attribute of integers or of texts."""
    kind = 1 if isinstance(values[0], int) else 3
    head = 16 + 4 * len(values)
    body = name.encode('utf-16-le') + b'\0\0'
    offsets = []
    for v in values:
        body += bytes(-len(body) % 4)
        offsets.append(head + len(body))
        body += struct.pack('<q', v) if kind == 1 else v.encode('utf-16-le') + b'\0\0'
    return struct.pack('<IHHII', head, kind, 0, 0, len(values)) + struct.pack('<%dI' % len(values), *offsets) + body
