/*
 * redirect445.c - preloaded into a client: its connect() to port 445 of a loopback address goes to $REDIRECT_445.
 *
 * A few tests of smbtorture open a further connection to port 445 whatever -p says, and smbcacls knows no other port.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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
