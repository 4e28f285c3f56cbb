"""What a client may cost."""
import socket
import ssl
import time

from rig.harness import case


def connect(t, seconds=60):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(t.server.certificate)
    raw = socket.create_connection(('127.0.0.1', t.server.api_port), 10)
    raw.settimeout(seconds)
    return context.wrap_socket(raw, server_hostname='localhost')


def ends(stream, drip, limit):
    """Seconds until the server ends the connection, while a byte of `drip` is sent each half second."""
    begin = time.monotonic()
    stream.settimeout(0.5)
    answer = b''
    while time.monotonic() - begin < limit:
        try:
            got = stream.recv(4096)
            if not got:
                return time.monotonic() - begin, answer
            answer += got
            continue
        except (TimeoutError, ssl.SSLWantReadError):
            pass
        except OSError:
            return time.monotonic() - begin, answer
        try:
            stream.sendall(drip)
        except OSError:
            return time.monotonic() - begin, answer
    return None, answer


@case()
def headers_that_drip_are_cut_off(t):
    with connect(t) as stream:
        stream.sendall(b'GET /v1/status HTTP/1.1\r\nHost: a\r\nX: ')
        took, answer = ends(stream, b'a', 40)
    t.true(took is not None and 10 < took < 25, 'it took %r s; %r' % (took, answer))


@case()
def nobody_holds_a_connection_without_tls(t):
    with socket.create_connection(('127.0.0.1', t.server.api_port), 10) as stream:
        took, _ = ends(stream, b'\x16', 30)
    t.true(took is not None and took < 20, 'it took %r s' % took)


@case()
def bodies_that_drip_are_cut_off(t):
    token = t.server.token('drip', 'shares:write')
    with connect(t) as stream:
        stream.sendall(b'POST /v1/shares HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n'
                       b'Content-Length: 1000\r\n\r\n{' % token.encode())
        took, answer = ends(stream, b' ', 50)
    t.true(took is not None and 15 < took < 45, 'it took %r s' % took)
    t.contains(answer.decode(), ' 408 ', 'application/problem+json')


@case()
def large_headers_and_bodies_are_refused(t):
    token = t.server.token('large', 'shares:write')
    t.problem(t.curl('/v1/shares', token=token, body={'Name': 'a' * (2 << 20)}), 413)
    with connect(t) as stream:
        stream.sendall(b'GET /v1/status HTTP/1.1\r\nHost: a\r\nX: ')
        try:
            for _ in range(64):
                stream.sendall(b'a' * 16384)
            answer = stream.recv(4096)
        except OSError:
            answer = b''
    t.true(answer == b'' or b' 431 ' in answer, 'a megabyte of headers: %r' % answer[:200])
    t.equal(t.curl('/v1/openapi.json').status, 200, 'the server still answers')


def is_gone(stream):
    """The server has ended the connection."""
    try:
        return stream.recv(1) == b''
    except TimeoutError:
        return False
    except OSError:
        return True


@case(alone=True)
def one_address_has_so_many_connections(t):
    held = []
    try:
        for _ in range(80):
            held.append(socket.create_connection(('127.0.0.1', t.server.api_port), 10))
            held[-1].settimeout(0.02)
        # those that are let in stay until their time for a handshake is over; the others go when the server comes to them
        begin, gone = time.monotonic(), set()
        while len(gone) < 10 and time.monotonic() < begin + 5:
            gone |= {s for s in held if s not in gone and is_gone(s)}
        gone |= {s for s in held if s not in gone and is_gone(s)}
        t.true(10 <= len(gone) <= 20, '%d of 80 connections were refused' % len(gone))
    finally:
        for s in held:
            s.close()
    end = time.monotonic() + 20
    while t.curl('/v1/openapi.json', ok=None).returncode != 0:      # until the server has seen them go
        t.true(time.monotonic() < end, 'connections are refused for ever')
        time.sleep(0.1)
    t.equal(t.curl('/v1/openapi.json').status, 200, 'afterwards')
