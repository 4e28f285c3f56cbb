/*
 * redirect445.c - preloaded into a client: its connect() to port 445 of a loopback address goes to $REDIRECT_445.
 *
 * A few tests of smbtorture open a further connection to port 445 whatever -p says, and smbcacls knows no other port.
 *
 * With $ACKNOWLEDGE_AT_ONCE set, what the client reads from a TCP connection is acknowledged then and there. The kernel would
 * wait up to 40 ms (200 ms where the connection was idle) for something to send along. Tests that cut a connection by
 * a packet filter right after a reply otherwise lose that acknowledgement or not, as chance has it; without it the sender may
 * only repeat the old reply, and what the test waits for stays behind it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

int connect(int fd, const struct sockaddr *to, socklen_t length)
{
    static int (*real)(int, const struct sockaddr *, socklen_t);
    const char *port = getenv("REDIRECT_445");
    struct sockaddr_in in;

    if (!real)
        real = dlsym(RTLD_NEXT, "connect");
    if (port && to->sa_family == AF_INET && length >= sizeof in) {
        memcpy(&in, to, sizeof in);
        if (in.sin_port == htons(445) && (ntohl(in.sin_addr.s_addr) >> 24) == 127) {
            in.sin_port = htons(atoi(port));
            return real(fd, (struct sockaddr *)&in, sizeof in);
        }
    }
    return real(fd, to, length);
}

static ssize_t acknowledged(int fd, ssize_t got)
{
    static int wanted = -1;
    int on = 1;

    if (wanted < 0)
        wanted = getenv("ACKNOWLEDGE_AT_ONCE") != NULL;
    if (wanted && got > 0)
        setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on); /* nothing happens where it is no such socket */
    return got;
}

ssize_t readv(int fd, const struct iovec *parts, int count)
{
    static ssize_t (*real)(int, const struct iovec *, int);

    if (!real)
        real = dlsym(RTLD_NEXT, "readv");
    return acknowledged(fd, real(fd, parts, count));
}

ssize_t recv(int fd, void *buffer, size_t length, int flags)
{
    static ssize_t (*real)(int, void *, size_t, int);

    if (!real)
        real = dlsym(RTLD_NEXT, "recv");
    return acknowledged(fd, real(fd, buffer, length, flags));
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    static ssize_t (*real)(int, struct msghdr *, int);

    if (!real)
        real = dlsym(RTLD_NEXT, "recvmsg");
    return acknowledged(fd, real(fd, message, flags));
}
