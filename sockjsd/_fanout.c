/* send_many: the same bytes to many sockets, in one call that gives the GIL away once, or not at all.
 *
 * Each socket.send() gives the GIL away and waits up to sys.getswitchinterval() to get it back while a
 * view computes in another thread, so a loop over 1,000 sockets waits 1,000 times.  Here the kernel is
 * asked for all of them without the GIL, and it is waited for once.  For a long list too: the descriptors
 * do not block, so a call ends after some microseconds for each, and taking the GIL back in between would
 * let nobody run who cannot run anyway, at the price of one more wait.
 *
 * A short list of short messages keeps the GIL: it is done long before a switch interval is over, and
 * whoever gives the GIL away beside threads that compute gets it back after several of them
 * (docs/performance.md has the figures).
 *
 * fanout.py has a twin in Python with the same results, and says what callers have to know.
 */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000 /* 3.11: one binary for every later CPython */
#include <Python.h>

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS has none; CPython ignores SIGPIPE everywhere */
#endif

/* What is sent with the GIL in hand, at most: some 50 microseconds, a quarter of our switch interval. */
#define FEW_SOCKETS 16
#define FEW_BYTES (16 * 1024)

/* One non-blocking send: the number of bytes that the kernel took, or -errno.  Needs no GIL. */
static Py_ssize_t
send_one(int fd, const char *data, Py_ssize_t size)
{
    ssize_t sent;

    do {
        sent = send(fd, data, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -(Py_ssize_t)errno : (Py_ssize_t)sent;
}

/* The descriptor that an item stands for; -1 with an exception set where it is none. */
static Py_ssize_t
as_descriptor(PyObject *item)
{
    long fd = PyLong_AsLong(item);

    if (fd > INT_MAX || fd < INT_MIN) {
        PyErr_SetString(PyExc_OverflowError, "a file descriptor fits into a C int");
        return -1;
    }
    return fd;
}

/* Reads the items of a tuple into slots; 0, or -1 with an exception set. */
static int
read_descriptors(PyObject *items, Py_ssize_t count, Py_ssize_t *slots)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        slots[i] = as_descriptor(PyTuple_GetItem(items, i));
        if (slots[i] == -1 && PyErr_Occurred()) {
            return -1;
        }
    }
    return 0;
}

static PyObject *
as_list(const Py_ssize_t *slots, Py_ssize_t count)
{
    PyObject *list = PyList_New(count);

    for (Py_ssize_t i = 0; list != NULL && i < count; i++) {
        PyObject *result = PyLong_FromSsize_t(slots[i]);
        if (result == NULL || PyList_SetItem(list, i, result) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

/* Sends data to the descriptors in slots, and puts each result where its descriptor was. */
static void
send_to_all(Py_ssize_t *slots, Py_ssize_t count, const char *data, Py_ssize_t size)
{
    int quick = count <= FEW_SOCKETS && size <= FEW_BYTES;
    PyThreadState *state = quick ? NULL : PyEval_SaveThread();

    for (Py_ssize_t i = 0; i < count; i++) {
        slots[i] = send_one((int)slots[i], data, size);
    }
    if (state != NULL) {
        PyEval_RestoreThread(state);
    }
}

static PyObject *
send_many(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *items, *list = NULL;
    Py_ssize_t *slots, count;

    if (nargs != 2) {
        return PyErr_Format(PyExc_TypeError, "send_many() takes 2 positional arguments but %zd were given", nargs);
    }
    if (!PyBytes_Check(args[1])) {
        return PyErr_Format(PyExc_TypeError, "data must be bytes, which no other thread can change");
    }
    /* A copy, because an item's __index__ may change the list that it is in. */
    items = PySequence_Tuple(args[0]);
    if (items == NULL) {
        return NULL;
    }
    count = PyTuple_Size(items);
    slots = PyMem_New(Py_ssize_t, count);
    if (slots == NULL) {
        PyErr_NoMemory();
    }
    else if (read_descriptors(items, count, slots) == 0) {
        send_to_all(slots, count, PyBytes_AsString(args[1]), PyBytes_Size(args[1]));
        list = as_list(slots, count);
    }
    PyMem_Free(slots);
    Py_DECREF(items);
    return list;
}

PyDoc_STRVAR(send_many_doc,
"send_many($module, fds, data, /)\n--\n\n"
"Send data to each descriptor without waiting; for each the number of bytes sent, or -errno.");

static PyMethodDef methods[] = {
    {"send_many", (PyCFunction)(void (*)(void))send_many, METH_FASTCALL, send_many_doc},
    {NULL, NULL, 0, NULL},
};

/* No state and no slots: nothing to share between interpreters.  One with a GIL of its own (3.12 and later)
 * refuses a module that does not say so, which the 3.11 API cannot; fanout.py has its twin there. */
static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_fanout",
    .m_doc = "The compiled half of sockjsd.fanout.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__fanout(void)
{
    return PyModuleDef_Init(&module);
}
