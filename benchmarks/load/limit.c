/* The limit: what a server could reach that does nothing but send().  One thread, epoll, no protocol beyond what the
 * load needs: an answer to each request, one frame to all for each trigger, each message back to its sender.
 *
 *   limit PORT FRAME     FRAME: the file with the bytes that each receiver gets for one message
 *
 * A connection whose first byte is "T" sends triggers: each of its bytes, that one too, is one message to all others.
 * One whose first request asks for an upgrade is a receiver: whatever else comes from it is answered with FRAME.
 * From any other one each piece that comes is a request, and is answered as such.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 65536
static const char ANSWER[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x01o";
static int receivers[MOST], place[MOST], count = 0;
static const char PAGE[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\no\n";
enum kind { NEW, RECEIVER, TRIGGER, PLAIN };
static enum kind kinds[MOST];

static void forget(int fd) {
    if (kinds[fd] == RECEIVER) {
        receivers[place[fd]] = receivers[--count];
        place[receivers[place[fd]]] = place[fd];
    }
    kinds[fd] = NEW;
    close(fd);
}

int main(int argc, char **argv) {
    static char frame[65536], buffer[65536];
    if (argc != 3) return 2;
    signal(SIGPIPE, SIG_IGN);
    FILE *file = fopen(argv[2], "rb");
    size_t size = file ? fread(frame, 1, sizeof frame, file) : 0;
    int one = 1, server = socket(AF_INET, SOCK_STREAM, 0), poll_fd = epoll_create1(0);
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(server, (struct sockaddr *)&at, sizeof at) < 0 || listen(server, 4096) < 0) { perror("limit"); return 1; }
    struct epoll_event event = {.events = EPOLLIN, .data.fd = server}, events[512];
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, server, &event);
    for (;;) {
        int k = epoll_wait(poll_fd, events, 512, -1);
        for (int i = 0; i < k; i++) {
            int fd = events[i].data.fd;
            if (fd == server) {
                int client = accept4(server, NULL, NULL, SOCK_NONBLOCK);
                if (client < 0 || client >= MOST) continue;
                setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                event.data.fd = client;
                epoll_ctl(poll_fd, EPOLL_CTL_ADD, client, &event);
                continue;
            }
            ssize_t n = recv(fd, buffer, sizeof buffer, 0);
            if (n <= 0) { if (n == 0 || errno != EAGAIN) forget(fd); continue; }
            if (kinds[fd] == NEW) {
                kinds[fd] = buffer[0] == 'T' ? TRIGGER : memmem(buffer, n, "Upgrade:", 8) ? RECEIVER : PLAIN;
                if (kinds[fd] == RECEIVER) {
                    place[fd] = count, receivers[count++] = fd;
                    send(fd, ANSWER, sizeof ANSWER - 1, 0);
                    continue;
                }
            }
            if (kinds[fd] == PLAIN) { send(fd, PAGE, sizeof PAGE - 1, 0); continue; }
            if (kinds[fd] == RECEIVER) { send(fd, frame, size, 0); continue; }
            for (; n > 0; n--)
                for (int r = 0; r < count; r++) send(receivers[r], frame, size, 0);
        }
    }
}
