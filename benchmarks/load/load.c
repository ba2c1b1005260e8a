/* The load: many sockets, one thread, epoll.  It knows no protocol: what it sends is given in files, and what it
 * waits for is a mark in the bytes that come back.  One line of JSON on stdout says what it saw, and how busy it
 * was itself: below 1.0 it was not the limit.
 *
 *   load fan      HOST PORT N ROUNDS OPENED HELLO MARK EXPECTED TRIGGER THOST TPORT
 *       N receivers; each round sends TRIGGER and waits until EXPECTED marks have come to each of them.
 *       TPORT 0: the first receiver sends the trigger itself.
 *   load echo     HOST PORT N SECONDS OPENED HELLO MARK MESSAGE
 *       N clients, each with one message under way.
 *   load requests HOST PORT N SECONDS REQUEST [REQUEST2]
 *       N keep-alive connections, each with one request under way (REQUEST, then REQUEST2, and so on).
 *   load connect  HOST PORT N SECONDS OPENED HELLO
 *       N at a time: connect, send HELLO, wait for OPENED, reset.
 *   load hold     HOST PORT N SECONDS OPENED HELLO
 *       N connections; prints "held" and keeps them.
 *
 * In what is sent "@@@@@@@@@@" becomes a number that is never used twice.  OPENED and MARK may hold \r, \n and \xHH.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PLACE "@@@@@@@@@@"
#define DIGITS 10
#define READ (256 * 1024)
#define PER_ADDRESS 15000 /* connections from one source address: fewer than its ports */
#define PATIENCE 20.0     /* seconds in which anything has to come */
#define WINDOW 128        /* connections that are being opened at once: below any backlog */

struct text { char *data; size_t size; };
struct client {
    int fd, opened, step;
    size_t matched;   /* bytes of OPENED or of a head's end that were seen last */
    long body;        /* bytes of an answer's body still to come; -1 while its head comes */
    char head[2048];  /* what came of an answer's head */
    size_t head_size;
    double since;
    uint64_t number;  /* what its place holders become */
};

static char buffer[READ];
static int poll_fd;
static uint64_t last_number;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static double busy(void) {
    struct rusage u; getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}
static void fail(const char *what) { fprintf(stderr, "load: %s: %s\n", what, strerror(errno)); exit(1); }

static struct text read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    struct text text = {malloc(1 << 22), 0};
    text.size = fread(text.data, 1, 1 << 22, file);
    fclose(file);
    return text;
}

static struct text unescape(const char *source) {
    struct text text = {malloc(strlen(source) + 1), 0};
    for (; *source; source++) {
        int byte = *source;
        if (*source == '\\' && source[1] == 'r') byte = '\r', source++;
        else if (*source == '\\' && source[1] == 'n') byte = '\n', source++;
        else if (*source == '\\' && source[1] == 'x') { sscanf(source + 2, "%2x", &byte); source += 3; }
        text.data[text.size++] = byte;
    }
    return text;
}

static void send_text(int fd, struct text text, uint64_t number) {
    static char copy[1 << 22];
    memcpy(copy, text.data, text.size);
    char *place = memmem(copy, text.size, PLACE, DIGITS), digits[DIGITS + 1];
    snprintf(digits, sizeof digits, "%010llu", (unsigned long long)(number % 10000000000ULL));
    for (; place; place = memmem(place + DIGITS, text.size - (place + DIGITS - copy), PLACE, DIGITS))
        memcpy(place, digits, DIGITS);
    size_t sent = 0;
    while (sent < text.size) {
        ssize_t n = send(fd, copy + sent, text.size - sent, MSG_NOSIGNAL);
        if (n > 0) sent += n;
        else if (errno == EAGAIN) usleep(50);
        else fail("send");
    }
}

static int dial(const char *host, int port, int index) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd < 0) fail("socket");
    struct linger reset = {1, 0}; /* closing leaves no port in TIME_WAIT */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof one);
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
    from.sin_addr.s_addr = htonl((127u << 24) + 2 + index / PER_ADDRESS);
    inet_pton(AF_INET, host, &to.sin_addr);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) fail("bind");
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void watch(int fd, void *who) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = who};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
}

static ssize_t receive(int fd) {
    ssize_t n = recv(fd, buffer, READ, 0);
    if (n == 0) { errno = 0; fail("the server closed a connection"); }
    if (n < 0 && errno != EAGAIN) fail("recv");
    return n < 0 ? 0 : n;
}

/* How often *mark* ends in these bytes; *matched* remembers a beginning at the end of the last ones. */
static long count(const char *data, size_t size, struct text mark, size_t *matched) {
    long found = 0;
    if (mark.size == 1) {
        for (const char *at = data; (at = memchr(at, mark.data[0], size - (at - data))); at++) found++;
        return found;
    }
    for (size_t i = 0; i < size; i++) {
        if (data[i] == mark.data[*matched]) {
            if (++*matched == mark.size) found++, *matched = 0;
        } else *matched = data[i] == mark.data[0];
    }
    return found;
}

static struct client *open_all(const char *host, int port, int n, struct text opened, struct text hello) {
    struct client *clients = calloc(n, sizeof *clients);
    struct epoll_event events[256];
    int begun = 0, ready = 0;
    double last = now();
    while (ready < n) {
        while (begun < n && begun - ready < WINDOW) {
            clients[begun].fd = dial(host, port, begun);
            watch(clients[begun].fd, &clients[begun]);
            send_text(clients[begun++].fd, hello, ++last_number);
        }
        int k = epoll_wait(poll_fd, events, 256, 100);
        for (int i = 0; i < k; i++) {
            struct client *c = events[i].data.ptr;
            ssize_t size = receive(c->fd);
            if (!c->opened && count(buffer, size, opened, &c->matched)) c->opened = 1, ready++, last = now();
        }
        if (now() - last > PATIENCE) { errno = ETIMEDOUT; fail("opening"); }
    }
    for (int i = 0; i < n; i++) clients[i].matched = 0;
    return clients;
}

static int by_size(const void *a, const void *b) { double x = *(double *)a, y = *(double *)b; return (x > y) - (x < y); }
static double part(double *sorted, int n, double share) { return n ? sorted[(int)((n - 1) * share)] : 0; }

static void fan(char **a) {
    int n = atoi(a[2]), rounds = atoi(a[3]), warm = 3;
    struct text opened = unescape(a[4]), hello = read_file(a[5]), mark = unescape(a[6]), trigger = read_file(a[8]);
    long expected = atol(a[7]) * n;
    struct client *clients = open_all(a[0], atoi(a[1]), n, opened, hello), other = {0};
    int trigger_fd = clients[0].fd;
    if (atoi(a[10])) { trigger_fd = other.fd = dial(a[9], atoi(a[10]), n); watch(trigger_fd, &other); }
    struct epoll_event events[1024];
    double *took = calloc(rounds, sizeof *took), total = 0, cpu = 0;
    for (int round = -warm; round < rounds; round++) {
        long seen = 0;
        double begun = now(), cpu_begun = busy();
        send_text(trigger_fd, trigger, ++last_number);
        while (seen < expected) {
            int k = epoll_wait(poll_fd, events, 1024, 1000);
            for (int i = 0; i < k; i++) {
                struct client *c = events[i].data.ptr;
                ssize_t size = receive(c->fd);
                if (c != &other) seen += count(buffer, size, mark, &c->matched);
            }
            if (now() - begun > PATIENCE) { fprintf(stderr, "load: %ld of %ld came\n", seen, expected); exit(1); }
        }
        if (round >= 0) took[round] = now() - begun, total += took[round], cpu += busy() - cpu_begun;
    }
    qsort(took, rounds, sizeof *took, by_size);
    printf("{\"per_second\": %.0f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"load_busy\": %.2f}\n",
           expected * (double)rounds / total, part(took, rounds, .5) * 1e3, part(took, rounds, .99) * 1e3, cpu / total);
}

static void echo(char **a) {
    int n = atoi(a[2]);
    double seconds = atof(a[3]);
    struct text opened = unescape(a[4]), hello = read_file(a[5]), mark = unescape(a[6]), message = read_file(a[7]);
    struct client *clients = open_all(a[0], atoi(a[1]), n, opened, hello);
    struct epoll_event events[1024];
    long done = 0, capacity = 1 << 20, kept = 0;
    double *took = malloc(capacity * sizeof *took), begun = now() + .5, cpu = 0, end = begun + seconds;
    int counting = 0;
    for (int i = 0; i < n; i++) clients[i].since = now(), send_text(clients[i].fd, message, 0);
    double last = now();
    while (now() < end) {
        if (!counting && now() >= begun) counting = 1, done = 0, kept = 0, cpu = busy();
        int k = epoll_wait(poll_fd, events, 1024, 1000);
        if (!k && now() - last > PATIENCE) { errno = ETIMEDOUT; fail("echo"); }
        for (int i = 0; i < k; i++) {
            struct client *c = events[i].data.ptr;
            if (!count(buffer, receive(c->fd), mark, &c->matched)) continue;
            double t = last = now();
            if (kept < capacity) took[kept++] = t - c->since;
            done++;
            c->since = t;
            send_text(c->fd, message, 0);
        }
    }
    double wall = now() - begun;
    qsort(took, kept, sizeof *took, by_size);
    printf("{\"per_second\": %.0f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"load_busy\": %.2f}\n", done / wall,
           part(took, kept, .5) * 1e3, part(took, kept, .99) * 1e3, (busy() - cpu) / wall);
}

/* Take what came of an answer; return whether it is complete. Answers have Content-Length, or no body (204, 304). */
static int answered(struct client *c, const char *data, ssize_t size) {
    while (size > 0) {
        if (c->body < 0) {
            if (c->head_size == sizeof c->head - 1) { errno = E2BIG; fail("head of an answer"); }
            c->head[c->head_size++] = *data++, size--, c->head[c->head_size] = 0;
            if (c->head_size < 4 || memcmp(c->head + c->head_size - 4, "\r\n\r\n", 4)) continue;
            char *length = strcasestr(c->head, "\r\ncontent-length:");
            char *chunked = strcasestr(c->head, "\r\ntransfer-encoding:");
            if (c->head[9] != '2') { fprintf(stderr, "load: %.200s\n", c->head); exit(1); }
            c->body = length ? atol(length + 17) : chunked ? -2 : 0;
            c->head_size = c->matched = 0;
        }
        if (c->body == -2) { /* chunked: one or more chunks, ended by an empty one */
            struct text end = {"0\r\n\r\n", 5};
            if (count(data, size, end, &c->matched)) { c->body = -1; return 1; }
            return 0;
        }
        long taken = size < c->body ? size : c->body;
        c->body -= taken, data += taken, size -= taken;
        if (c->body == 0) { c->body = -1; return 1; }
    }
    return 0;
}

static void requests(char **a, int with_second) {
    int n = atoi(a[2]), steps = with_second ? 2 : 1;
    struct text wanted[2] = {read_file(a[4]), with_second ? read_file(a[5]) : (struct text){0}};
    struct client *clients = calloc(n, sizeof *clients);
    struct epoll_event events[256];
    for (int i = 0; i < n; i++) {
        clients[i].fd = dial(a[0], atoi(a[1]), i), clients[i].body = -1;
        watch(clients[i].fd, &clients[i]);
        send_text(clients[i].fd, wanted[0], clients[i].number = ++last_number);
    }
    long done = 0;
    double begun = now() + .5, end = begun + atof(a[3]), cpu = 0, last = now();
    int counting = 0;
    while (now() < end) {
        if (!counting && now() >= begun) counting = 1, done = 0, cpu = busy();
        int k = epoll_wait(poll_fd, events, 256, 1000);
        if (!k && now() - last > PATIENCE) { errno = ETIMEDOUT; fail("requests"); }
        for (int i = 0; i < k; i++) {
            struct client *c = events[i].data.ptr;
            ssize_t size = receive(c->fd);
            if (!answered(c, buffer, size)) continue;
            last = now(), done++;
            c->step = (c->step + 1) % steps;
            if (c->step == 0) c->number = ++last_number;
            send_text(c->fd, wanted[c->step], c->number);
        }
    }
    double wall = now() - begun;
    printf("{\"per_second\": %.0f, \"load_busy\": %.2f}\n", done / wall, (busy() - cpu) / wall);
}

static void reconnect(char **a) {
    int n = atoi(a[2]);
    struct text opened = unescape(a[4]), hello = read_file(a[5]);
    struct client *clients = calloc(n, sizeof *clients);
    struct epoll_event events[256];
    int index = 0;
    for (int i = 0; i < n; i++) {
        clients[i].fd = dial(a[0], atoi(a[1]), index++);
        watch(clients[i].fd, &clients[i]);
        send_text(clients[i].fd, hello, ++last_number);
    }
    long done = 0;
    double begun = now() + .5, end = begun + atof(a[3]), cpu = 0, last = now();
    int counting = 0;
    while (now() < end) {
        if (!counting && now() >= begun) counting = 1, done = 0, cpu = busy();
        int k = epoll_wait(poll_fd, events, 256, 1000);
        if (!k && now() - last > PATIENCE) { errno = ETIMEDOUT; fail("connect"); }
        for (int i = 0; i < k; i++) {
            struct client *c = events[i].data.ptr;
            if (!count(buffer, receive(c->fd), opened, &c->matched)) continue;
            last = now(), done++;
            close(c->fd);
            c->fd = dial(a[0], atoi(a[1]), index = (index + 1) % (8 * PER_ADDRESS)), c->matched = 0;
            watch(c->fd, c);
            send_text(c->fd, hello, ++last_number);
        }
    }
    double wall = now() - begun;
    printf("{\"per_second\": %.0f, \"load_busy\": %.2f}\n", done / wall, (busy() - cpu) / wall);
}

static void hold(char **a) {
    open_all(a[0], atoi(a[1]), atoi(a[2]), unescape(a[4]), read_file(a[5]));
    printf("held\n");
    fflush(stdout);
    struct epoll_event events[256];
    for (double end = now() + atof(a[3]); now() < end;)
        for (int k = epoll_wait(poll_fd, events, 256, 100), i = 0; i < k; i++)
            receive(((struct client *)events[i].data.ptr)->fd);
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    poll_fd = epoll_create1(0);
    last_number = (uint64_t)time(NULL) % 9000 * 1000000; /* sessions of the last run may still live */
    char **rest = argv + 2;
    if (argc == 13 && !strcmp(argv[1], "fan")) fan(rest);
    else if (argc == 10 && !strcmp(argv[1], "echo")) echo(rest);
    else if ((argc == 7 || argc == 8) && !strcmp(argv[1], "requests")) requests(rest, argc == 8);
    else if (argc == 8 && !strcmp(argv[1], "connect")) reconnect(rest);
    else if (argc == 8 && !strcmp(argv[1], "hold")) hold(rest);
    else { fprintf(stderr, "load: see the head of load.c for what it takes\n"); return 2; }
    return 0;
}
