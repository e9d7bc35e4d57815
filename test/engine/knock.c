/* SPDX-License-Identifier: MIT */
/* knock HOST PORT: what a musl program sees when it connects by name. Exit code 0: connected. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int knock_at(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return errno;
    int error = connect(fd, address->ai_addr, address->ai_addrlen) < 0 ? errno : 0;

    close(fd);
    return error;
}

int main(int argc, char *argv[])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses;
    int error = ENOENT;

    if (argc != 3)
        return 64;
    alarm(30);
    int r = getaddrinfo(argv[1], argv[2], &hints, &addresses);

    if (r != 0) {
        fprintf(stderr, "Could not resolve host: %s\n", gai_strerror(r));
        return 6;
    }
    for (struct addrinfo *address = addresses; address && error != 0; address = address->ai_next)
        error = knock_at(address);
    freeaddrinfo(addresses);
    if (error == 0)
        return 0;
    fprintf(stderr, "%s\n", strerror(error));
    return 7;
}
