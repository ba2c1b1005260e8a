/* What all kinds of load have in common: texts, sockets, marks, and clients that connect. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_TEXT (1 << 20)
#define MOST_TEXTS 128
#define READ (256 * 1024)
#define ADDRESSES 16  /* source addresses, 127.0.0.2 and so on: each has 28,000 ports */
#define PATIENCE 20.0 /* seconds in which anything has to come */
#define WINDOW 128    /* connections that are being opened at once: below any backlog */

struct text { char *data; size_t size; };
struct client {
    int fd, opened, step;
    size_t matched;   /* bytes of what is waited for that were seen last */
    long seen;        /* marks that came */
    long body;        /* bytes of an answer's body still to come; -1 while its head comes, -2 for chunks */
    char head[2048];  /* what came of an answer's head */
    size_t head_size;
    double since;
    uint64_t number, index; /* what its places become, and how many began before it */
};

static char buffer[READ];
static int poll_fd;
static uint64_t last_number;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
/* Seconds in which *core* had nothing to do, in steps of a hundredth. */
static double unused(int core) {
    char line[256], name[16];
    long user, nice, system, idle, waiting = 0, found = 0;
    snprintf(name, sizeof name, "cpu%d ", core);
    FILE *file = fopen("/proc/stat", "r");
    while (!found && file && fgets(line, sizeof line, file))
        if (!strncmp(line, name, strlen(name)))
            found = sscanf(line + strlen(name), "%ld %ld %ld %ld %ld", &user, &nice, &system, &idle, &waiting) == 5;
    if (file) fclose(file);
    return found ? (idle + waiting) / (double)sysconf(_SC_CLK_TCK) : 0;
}
static void fail(const char *what) { fprintf(stderr, "load: %s: %s\n", what, strerror(errno)); exit(1); }
static void fail_late(const char *what) { errno = ETIMEDOUT; fail(what); }

static struct text read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    struct text text = {malloc(MOST_TEXT), 0};
    text.size = fread(text.data, 1, MOST_TEXT, file);
    text.data = realloc(text.data, text.size + 1);
    fclose(file);
    return text;
}

/* "\r", "\n" and "\xHH" become bytes. */
static struct text unescape(const char *source) {
    struct text text = {malloc(strlen(source) + 1), 0};
    for (; *source; source++) {
        int byte = *source;
        if (*source == '\\' && source[1] == 'r') byte = '\r', source++;
        else if (*source == '\\' && source[1] == 'n') byte = '\n', source++;
        else if (*source == '\\' && source[1] == 'x') { sscanf(source + 2, "%2x", (unsigned *)&byte); source += 3; }
        text.data[text.size++] = byte;
    }
    return text;
}

/* Write *text* to *copy*; each run of k > 1 "@" becomes the last k digits of *number*. */
static size_t fill(char *copy, struct text text, uint64_t number) {
    memcpy(copy, text.data, text.size);
    char *end = copy + text.size, *at = copy;
    while ((at = memchr(at, '@', end - at))) {
        char *stop = at;
        while (stop < end && *stop == '@') stop++;
        uint64_t left = number;
        if (stop - at > 1) for (char *place = stop; place-- > at; left /= 10) *place = '0' + left % 10;
        at = stop;
    }
    return text.size;
}

static void send_all(int fd, const char *data, size_t size) {
    for (size_t sent = 0; sent < size;) {
        ssize_t n = send(fd, data + sent, size - sent, MSG_NOSIGNAL);
        if (n > 0) sent += n;
        else if (errno == EAGAIN) usleep(50);
        else fail("send");
    }
}

static char filled[4 * MOST_TEXT];
static void send_text(int fd, struct text text, uint64_t number) { send_all(fd, filled, fill(filled, text, number)); }

/* Send *text* so many times at once, each with a number of its own. */
static void send_burst(int fd, struct text text, long times) {
    size_t size = 0;
    for (; times > 0 && size + text.size <= sizeof filled; times--) size += fill(filled + size, text, ++last_number);
    send_all(fd, filled, size);
}

static int dial(int port, uint64_t index) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd < 0) fail("socket");
    struct linger reset = {1, 0}; /* closing leaves no port in TIME_WAIT */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof one);
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
    from.sin_addr.s_addr = htonl((127u << 24) + 2 + index % ADDRESSES);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) fail("bind");
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* Edges only: the kernel looks at each socket once, and the load stays cheap.  Who reads has to read everything. */
static void watch(int fd, void *who) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = who};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
}

static double idle; /* seconds that the load had nothing to do */
/* Wait for events, awake: waking a load that sleeps costs the one that sends, and the faster the load the more often.
 * Whoever else wants this core (Redis) gets it. */
static int spin(struct epoll_event *events, int most, double seconds) {
    double begun = now(), t = begun;
    for (int k; t < begun + seconds; t = now()) {
        if ((k = epoll_wait(poll_fd, events, most, 0))) return idle += t - begun, k;
        sched_yield();
    }
    return idle += t - begun, 0;
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
    if (mark.size == 2 && size) { /* most of what comes: as fast as the library looks for a byte */
        for (const char *at = data; (at = memchr(at, mark.data[1], size - (at - data))); at++)
            found += at > data ? at[-1] == mark.data[0] : *matched == 1;
        *matched = data[size - 1] == mark.data[0];
        return found;
    }
    for (size_t i = 0; i < size; i++) {
        if (data[i] == mark.data[*matched]) {
            if (++*matched == mark.size) found++, *matched = 0;
        } else *matched = data[i] == mark.data[0];
    }
    return found;
}

/* Texts of which each client has one, in turn. */
struct texts { struct text all[MOST_TEXTS]; int count; };

static struct text its_own(struct texts *texts, uint64_t index) {
    return texts->count ? texts->all[index % texts->count] : (struct text){0};
}

/* How a connection begins: hello is sent, and once its answer has begun after, where there is one; then opened comes. */
struct opening { int port; struct text opened; struct texts hello, after; };

static void begin(struct client *c, struct opening *how, uint64_t index) {
    c->fd = dial(how->port, index), c->opened = !how->after.count, c->matched = 0, c->index = index;
    watch(c->fd, c);
    send_text(c->fd, its_own(&how->hello, index), c->number = ++last_number);
}

/* Take what came on a connection that is being opened; return whether it is open now. */
static int goes_open(struct client *c, struct opening *how, ssize_t size) {
    struct text head_end = {"\r\n\r\n", 4};
    if (!c->opened && count(buffer, size, head_end, &c->matched))
        c->opened = 1, c->matched = 0, send_text(c->fd, its_own(&how->after, c->index), c->number);
    if (c->opened != 1 || !count(buffer, size, how->opened, &c->matched)) return 0;
    return c->opened = 2, c->matched = 0, 1;
}

static struct client *open_all(struct opening *how, int n) {
    struct client *clients = calloc(n, sizeof *clients);
    struct epoll_event events[256];
    int begun = 0, ready = 0;
    double last = now();
    while (ready < n) {
        while (begun < n && begun - ready < WINDOW) begin(&clients[begun], how, begun), begun++;
        int k = epoll_wait(poll_fd, events, 256, 100);
        for (int i = 0; i < k; i++) {
            struct client *c = events[i].data.ptr;
            if (goes_open(c, how, receive(c->fd))) ready++, last = now();
        }
        if (now() - last > PATIENCE) fail_late("opening");
    }
    return clients;
}

static int by_size(const void *a, const void *b) { double x = *(double *)a, y = *(double *)b; return (x > y) - (x < y); }
static double part(double *sorted, long n, double share) { return n ? sorted[(long)((n - 1) * share)] : 0; }
