/* The load: many sockets, one thread, epoll.  It knows no protocol: what it sends is given in files, and what it
 * waits for is a mark in the bytes that come back.  One line of JSON on stdout says what it saw, how busy the core of
 * the server was (core=, its number), and how busy the load was itself: below 1.0 it was not the limit.
 * Arguments are words like port=8000; times are in seconds.
 *
 *   load fan      port n opened hello mark expected trigger trigger_port [burst rounds seconds pause]
 *       n receivers; each round sends the trigger (burst times at once) and waits until all of them together have
 *       had as many marks as are expected; then it pauses.  At least so many rounds, and at least so many seconds.
 *   load echo     port n opened hello mark message [seconds]
 *       n clients, each with one message under way.
 *   load requests port n request [request ...] [first] [seconds]
 *       n keep-alive connections, each with one request under way: all of them in turn, over and over; counted are
 *       those from first on (0).
 *   load connect  port n opened hello [seconds]
 *       n at a time: connect, send hello, wait for opened, reset.
 *   load hold     port n opened hello [seconds]
 *       n connections; prints "held" and keeps them.
 *
 * trigger, hello, after, message and request are files; opened and mark may hold \r, \n and \xHH.  Where there is a
 * file after, it is sent when the answer to hello has begun.  Where hello or after is given more than once, each client
 * has one of them, in turn.  In what is sent each run of k > 1 "@" becomes the last k digits of a number that is never
 * used twice.
 */
#include "wire.h"

#define WARM 0.3      /* seconds that are not counted */

static char **words;

static const char *word(const char *key, const char *fallback) {
    size_t size = strlen(key);
    for (char **at = words; *at; at++) if (!strncmp(*at, key, size) && (*at)[size] == '=') return *at + size + 1;
    if (!fallback) { fprintf(stderr, "load: %s= is missing\n", key); exit(2); }
    return fallback;
}
static double number(const char *key, const char *fallback) { return atof(word(key, fallback)); }
static struct text file(const char *key) { return read_file(word(key, NULL)); }
/* All files that are given under one key, in their order; maybe none. */
static struct texts files(const char *key) {
    struct texts texts = {.count = 0};
    size_t size = strlen(key);
    for (char **at = words; *at && texts.count < MOST_TEXTS; at++)
        if (!strncmp(*at, key, size) && (*at)[size] == '=') texts.all[texts.count++] = read_file(*at + size + 1);
    return texts;
}

static struct opening opening(void) {
    return (struct opening){number("port", NULL), unescape(word("opened", NULL)), files("hello"), files("after")};
}

/* How busy it was: begun when counting begins. */
static struct { double begun, unused; } watched;
static void begin_watching(void) { watched.begun = now(), watched.unused = unused(number("core", "0")); }
static void print_busy(double load_busy) {
    double wall = now() - watched.begun, server = 1 - (unused(number("core", "0")) - watched.unused) / wall;
    printf("\"load_busy\": %.2f, \"server_busy\": %.2f}\n", load_busy, server < 0 ? 0 : server);
}

/* One round: the trigger, and everything that comes of it; return how long it took. */
static double one_round(int trigger_fd, struct text trigger, long burst, struct text mark, long expected) {
    struct epoll_event events[1024];
    long seen = 0;
    double begun = now();
    send_burst(trigger_fd, trigger, burst);
    while (seen < expected) {
        int k = spin(events, 1024, 1);
        for (int i = 0; i < k; i++) {
            struct client *c = events[i].data.ptr;
            ssize_t size = receive(c->fd);
            if (c->fd == trigger_fd) continue;
            long came = count(buffer, size, mark, &c->matched);
            seen += came, c->seen += came;
        }
        if (now() - begun > PATIENCE) { fprintf(stderr, "load: %ld of %ld came\n", seen, expected); exit(1); }
    }
    if (seen > expected) { fprintf(stderr, "load: %ld came, of %ld\n", seen, expected); exit(1); }
    return now() - begun;
}

/* Where everybody gets everything, each must have had the same. */
static void check_fairness(struct client *clients, int n, long expected) {
    for (int i = 1; expected % n == 0 && i < n; i++)
        if (clients[i].seen != clients[0].seen) { fprintf(stderr, "load: some got more than others\n"); exit(1); }
}

static void fan(void) {
    int n = number("n", NULL), trigger_fd;
    long burst = number("burst", "1"), expected = number("expected", NULL), least = number("rounds", "3");
    double seconds = number("seconds", "1"), pause = number("pause", "0"), total = 0, warm = 0, waited = 0;
    struct text mark = unescape(word("mark", NULL)), trigger = file("trigger");
    struct opening how = opening();
    struct client *clients = open_all(&how, n), other = {0};
    trigger_fd = other.fd = dial(number("trigger_port", NULL), n);
    watch(trigger_fd, &other);
    for (int i = 0; i < 2 || (warm < WARM && i < 1000); i++) warm += one_round(trigger_fd, trigger, burst, mark, expected);
    long rounds = 0, capacity = 1 << 20;
    double *took = malloc(capacity * sizeof *took);
    begin_watching();
    while (rounds < capacity && (rounds < least || total < seconds)) {
        if (pause > 0) usleep(pause * 1e6);
        idle = 0;
        took[rounds] = one_round(trigger_fd, trigger, burst, mark, expected);
        total += took[rounds++], waited += idle;
    }
    if (word("even", "1")[0] == '1') check_fairness(clients, n, expected);
    qsort(took, rounds, sizeof *took, by_size);
    printf("{\"per_second\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"rounds\": %ld, ",
           expected * (double)rounds / total, part(took, rounds, .5) * 1e3, part(took, rounds, .99) * 1e3, rounds);
    print_busy(1 - waited / total);
}

/* How a measurement that lasts for a time begins, and ends. */
struct span { double begin, end, last; int counting; long done, all; };
static struct span span(void) {
    double begin = now() + WARM;
    return (struct span){.begin = begin, .end = begin + number("seconds", "1"), .last = now()};
}
static int goes_on(struct span *s, int events, const char *what) {
    double t = now();
    if (!s->counting && t >= s->begin) s->counting = 1, s->done = 0, idle = 0, s->begin = t, begin_watching();
    if (events) s->last = t;
    if (t - s->last > PATIENCE) fail_late(what);
    return t < s->end;
}
static void print_span(struct span *s, double *took, long kept) {
    double wall = now() - s->begin;
    printf("{\"per_second\": %.1f, ", s->done / wall);
    if (took) {
        qsort(took, kept, sizeof *took, by_size);
        printf("\"p50_ms\": %.3f, \"p99_ms\": %.3f, ", part(took, kept, .5) * 1e3, part(took, kept, .99) * 1e3);
    }
    printf("\"all\": %ld, ", s->all);
    print_busy(1 - idle / wall);
}

static void echo(void) {
    int n = number("n", NULL), k = 1;
    struct text mark = unescape(word("mark", NULL)), message = file("message");
    struct opening how = opening();
    struct client *clients = open_all(&how, n);
    struct epoll_event events[1024];
    long capacity = 1 << 21, kept = 0;
    double *took = malloc(capacity * sizeof *took);
    struct span s = span();
    for (int i = 0; i < n; i++) clients[i].since = now(), send_text(clients[i].fd, message, 0);
    while (goes_on(&s, k, "echo")) {
        k = spin(events, 1024, 1);
        for (int i = 0; i < k; i++) {
            struct client *c = events[i].data.ptr;
            if (!count(buffer, receive(c->fd), mark, &c->matched)) continue;
            double t = now();
            if (s.counting && kept < capacity) took[kept++] = t - c->since;
            s.done++, s.all++, c->since = t;
            send_text(c->fd, message, 0);
        }
    }
    print_span(&s, took, kept);
}

/* Take what came of an answer; return whether it is complete. Without Content-Length it has no body, or chunks. */
static int answered(struct client *c, const char *data, ssize_t size) {
    while (size > 0) {
        if (c->body == -1) {
            if (c->head_size == sizeof c->head - 1) { errno = E2BIG; fail("head of an answer"); }
            c->head[c->head_size++] = *data++, size--, c->head[c->head_size] = 0;
            if (c->head_size < 4 || memcmp(c->head + c->head_size - 4, "\r\n\r\n", 4)) continue;
            char *length = strcasestr(c->head, "\r\ncontent-length:");
            char *chunked = strcasestr(c->head, "\r\ntransfer-encoding:");
            if (c->head[9] != '2') { fprintf(stderr, "load: %.300s\n", c->head); exit(1); }
            c->body = length ? atol(length + 17) : chunked ? -2 : 0;
            c->head_size = c->matched = 0;
        }
        if (c->body == -2) { /* one or more chunks, ended by an empty one */
            struct text end = {"0\r\n\r\n", 5};
            if (!count(data, size, end, &c->matched)) return 0;
            return c->body = -1, c->matched = 0, 1;
        }
        long taken = size < c->body ? size : c->body;
        c->body -= taken, data += taken, size -= taken;
        if (c->body == 0) return c->body = -1, 1;
    }
    return 0;
}

static void requests(void) {
    int n = number("n", NULL), port = number("port", NULL), first = number("first", "0"), k = 1;
    struct texts wanted = files("request");
    struct client *clients = calloc(n, sizeof *clients);
    struct epoll_event events[256];
    for (int i = 0; i < n; i++) {
        clients[i].fd = dial(port, i), clients[i].body = -1;
        watch(clients[i].fd, &clients[i]);
        send_text(clients[i].fd, its_own(&wanted, 0), clients[i].number = ++last_number);
    }
    struct span s = span();
    while (goes_on(&s, k, "requests")) {
        k = spin(events, 256, 1);
        for (int i = 0; i < k; i++) {
            struct client *c = events[i].data.ptr;
            ssize_t size = receive(c->fd);
            if (!answered(c, buffer, size)) continue;
            s.done += c->step >= first, s.all++;
            c->step = (c->step + 1) % wanted.count;
            if (c->step == 0) c->number = ++last_number;
            send_text(c->fd, its_own(&wanted, c->step), c->number);
        }
    }
    print_span(&s, NULL, 0);
}

static void reconnect(void) {
    int n = number("n", NULL), k = 1;
    struct opening how = opening();
    struct client *clients = calloc(n, sizeof *clients);
    struct epoll_event events[256];
    uint64_t index = 0;
    while (index < (uint64_t)n) begin(&clients[index], &how, index), index++;
    struct span s = span();
    while (goes_on(&s, k, "connect")) {
        k = spin(events, 256, 1);
        for (int i = 0; i < k; i++) {
            struct client *c = events[i].data.ptr;
            if (!goes_open(c, &how, receive(c->fd))) continue;
            s.done++, s.all++;
            close(c->fd);
            begin(c, &how, index++);
        }
    }
    print_span(&s, NULL, 0);
}

static void hold(void) {
    struct opening how = opening();
    open_all(&how, number("n", NULL));
    printf("held\n");
    fflush(stdout);
    struct epoll_event events[256];
    for (double end = now() + number("seconds", "60"); now() < end;)
        for (int k = epoll_wait(poll_fd, events, 256, 100), i = 0; i < k; i++)
            receive(((struct client *)events[i].data.ptr)->fd);
}

int main(int argc, char **argv) {
    static const struct { const char *name; void (*run)(void); } kinds[] = {
        {"fan", fan}, {"echo", echo}, {"requests", requests}, {"connect", reconnect}, {"hold", hold}};
    signal(SIGPIPE, SIG_IGN);
    poll_fd = epoll_create1(0);
    last_number = (uint64_t)time(NULL) % 9000 * 1000000; /* sessions of the last run may still live */
    words = argv + (argc > 1 ? 2 : 1);
    for (size_t i = 0; argc > 1 && i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(argv[1], kinds[i].name)) return kinds[i].run(), 0;
    fprintf(stderr, "load: see the head of load.c for what it takes\n");
    return 2;
}
