/* SPDX-License-Identifier: MIT */
/* In place of libuv's streams, timers and closing, for the one target that includes this: the other
 * side of each stream does what the input wants, and nothing happens but by a call from here. What
 * libuv promises is kept: no callback from within the call that asks for it, each write is called
 * back once, a closed handle only at the end of the turn. */
#ifndef EGRESSD_FUZZ_FAKE_STREAMS_H
#define EGRESSD_FUZZ_FAKE_STREAMS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define FAKE_STREAMS_MAX 128
#define FAKE_TIMERS_MAX 128

struct fake_write {
    struct fake_write *next;
    uv_write_t *request;
    uv_write_cb on_written;
    size_t size, done;
    uint8_t bytes[];
};

/* Our side of a stream, and what is known of the other. */
struct fake_stream {
    uv_stream_t *stream; /* NULL: free */
    uv_alloc_cb lend;
    uv_read_cb on_read; /* NULL: not reading */
    size_t room;        /* what the peer's buffer takes */
    bool is_broken;     /* writing fails */
    bool is_closing;
    uv_close_cb on_closed;
    struct fake_write *writes;
    void *peer; /* of the target */
};

struct fake_timer {
    uv_timer_t *timer; /* NULL: free */
    uv_timer_cb on_time;
    uv_close_cb on_closed;
    bool is_closing;
};

static struct fake_stream fake_streams[FAKE_STREAMS_MAX];
static struct fake_timer fake_timers[FAKE_TIMERS_MAX];

/* The target's: bytes that the peer has got. */
static void fake_on_output(struct fake_stream *stream, const uint8_t *bytes, size_t size);

static struct fake_stream *fake_stream_of(const void *stream)
{
    for (size_t i = 0; i < FAKE_STREAMS_MAX; i++)
        if (fake_streams[i].stream == stream)
            return &fake_streams[i];
    return NULL;
}

static struct fake_timer *fake_timer_of(const void *timer)
{
    for (size_t i = 0; i < FAKE_TIMERS_MAX; i++)
        if (fake_timers[i].timer == timer)
            return &fake_timers[i];
    return NULL;
}

static void fake_stream_init(void *stream)
{
    struct fake_stream *fake = fake_stream_of(NULL);

    assert(fake && !fake_stream_of(stream));
    *fake = (struct fake_stream){.stream = stream};
    fake->stream->write_queue_size = 0;
}

/* --- what is asked of libuv ------------------------------------------------------------------- */

int uv_timer_init(uv_loop_t *loop, uv_timer_t *timer)
{
    struct fake_timer *fake = fake_timer_of(NULL);

    (void)loop;
    assert(fake && !fake_timer_of(timer));
    *fake = (struct fake_timer){.timer = timer};
    return 0;
}

int uv_timer_start(uv_timer_t *timer, uv_timer_cb on_time, uint64_t timeout, uint64_t repeat)
{
    struct fake_timer *fake = fake_timer_of(timer);

    assert(fake && !fake->is_closing && timeout > 0 && repeat == 0);
    fake->on_time = on_time;
    return 0;
}

int uv_timer_stop(uv_timer_t *timer)
{
    fake_timer_of(timer)->on_time = NULL;
    return 0;
}

void uv_close(uv_handle_t *handle, uv_close_cb on_closed)
{
    struct fake_stream *stream = fake_stream_of(handle);
    struct fake_timer *timer = fake_timer_of(handle);

    if (stream) {
        assert(!stream->is_closing);
        stream->is_closing = true;
        stream->on_read = NULL;
        stream->on_closed = on_closed;
    } else {
        assert(timer && !timer->is_closing);
        timer->is_closing = true;
        timer->on_time = NULL;
        timer->on_closed = on_closed;
    }
}

int uv_read_start(uv_stream_t *stream, uv_alloc_cb lend, uv_read_cb on_read)
{
    struct fake_stream *fake = fake_stream_of(stream);

    assert(fake && !fake->is_closing);
    fake->lend = lend;
    fake->on_read = on_read;
    return 0;
}

int uv_read_stop(uv_stream_t *stream)
{
    fake_stream_of(stream)->on_read = NULL;
    return 0;
}

static size_t fake_give(struct fake_stream *fake, const uint8_t *bytes, size_t size)
{
    size_t given = size < fake->room ? size : fake->room;

    fake->room -= given;
    if (given > 0)
        fake_on_output(fake, bytes, given);
    return given;
}

int uv_try_write(uv_stream_t *stream, const uv_buf_t buffers[], unsigned count)
{
    struct fake_stream *fake = fake_stream_of(stream);
    size_t all = 0;

    assert(fake && !fake->is_closing);
    if (fake->writes)
        return UV_EAGAIN;
    if (fake->is_broken)
        return UV_EPIPE;
    for (unsigned i = 0; i < count; i++)
        all += fake_give(fake, (const uint8_t *)buffers[i].base, buffers[i].len);
    return all > 0 ? (int)all : UV_EAGAIN;
}

int uv_write(uv_write_t *request, uv_stream_t *stream, const uv_buf_t buffers[], unsigned count,
             uv_write_cb on_written)
{
    struct fake_stream *fake = fake_stream_of(stream);
    struct fake_write *write, **last = &fake->writes;
    size_t size = 0;

    assert(fake && !fake->is_closing);
    for (unsigned i = 0; i < count; i++)
        size += buffers[i].len;
    write = malloc(sizeof(*write) + size);
    if (!write)
        abort();
    *write = (struct fake_write){.request = request, .on_written = on_written};
    for (unsigned i = 0; i < count; i++) {
        memcpy(write->bytes + write->size, buffers[i].base, buffers[i].len);
        write->size += buffers[i].len;
    }
    while (*last)
        last = &(*last)->next;
    *last = write;
    stream->write_queue_size += size;
    return 0;
}

/* --- what the target makes happen ------------------------------------------------------------- */

static void fake_end_write(struct fake_stream *fake, int status)
{
    struct fake_write *write = fake->writes;

    fake->writes = write->next;
    fake->stream->write_queue_size -= write->size - write->done;
    write->on_written(write->request, status);
    free(write);
}

/* The peer reads so much of what waits for it. */
static void fake_listen(struct fake_stream *fake, size_t room)
{
    fake->room += room;
    while (fake->writes && !fake->is_closing) {
        struct fake_write *write = fake->writes;
        size_t given = fake_give(fake, write->bytes + write->done, write->size - write->done);

        write->done += given;
        fake->stream->write_queue_size -= given;
        if (write->done < write->size)
            return;
        fake_end_write(fake, 0);
    }
}

/* The peer listens no more. */
static void fake_break(struct fake_stream *fake)
{
    fake->is_broken = true;
    if (fake->writes && !fake->is_closing)
        fake_end_write(fake, UV_EPIPE);
}

static uv_buf_t fake_borrow(const struct fake_stream *fake, size_t size)
{
    uv_buf_t buffer = {0};

    fake->lend((uv_handle_t *)fake->stream, size, &buffer);
    assert(buffer.base && buffer.len > 0);
    return buffer;
}

/* How much of so many bytes the next fake_send gets across. */
static size_t fake_measure(const struct fake_stream *fake, size_t size)
{
    uv_buf_t buffer = fake_borrow(fake, size);

    return size < buffer.len ? size : buffer.len;
}

/* Of a stream that is read. How much of it was taken. */
static size_t fake_send(struct fake_stream *fake, const uint8_t *bytes, size_t size)
{
    uv_buf_t buffer = fake_borrow(fake, size);

    if (size > buffer.len)
        size = buffer.len;
    memcpy(buffer.base, bytes, size);
    fake->on_read(fake->stream, (ssize_t)size, &buffer);
    return size;
}

/* UV_EOF, or how else the peer's side ends. */
static void fake_hang_up(struct fake_stream *fake, int status)
{
    uv_buf_t buffer;

    if (!fake->on_read)
        return;
    buffer = fake_borrow(fake, 1);
    fake->on_read(fake->stream, status, &buffer);
}

static void fake_let_time_pass(const void *timer)
{
    struct fake_timer *fake = fake_timer_of(timer);
    uv_timer_cb on_time = fake ? fake->on_time : NULL;

    if (!on_time)
        return;
    fake->on_time = NULL;
    on_time(fake->timer);
}

static void fake_close_stream(struct fake_stream *fake)
{
    uv_stream_t *stream = fake->stream;

    while (fake->writes)
        fake_end_write(fake, UV_ECANCELED);
    fake->stream = NULL;
    fake->on_closed((uv_handle_t *)stream);
}

static void fake_end_turn(void)
{
    for (size_t i = 0; i < FAKE_STREAMS_MAX; i++)
        if (fake_streams[i].stream && fake_streams[i].is_closing)
            fake_close_stream(&fake_streams[i]);
    for (size_t i = 0; i < FAKE_TIMERS_MAX; i++) {
        struct fake_timer *fake = &fake_timers[i];
        uv_timer_t *timer = fake->timer;

        if (timer && fake->is_closing) {
            fake->timer = NULL;
            fake->on_closed((uv_handle_t *)timer);
        }
    }
}

static void fake_expect_nothing_left(void)
{
    for (size_t i = 0; i < FAKE_STREAMS_MAX; i++)
        assert(!fake_streams[i].stream);
    for (size_t i = 0; i < FAKE_TIMERS_MAX; i++)
        assert(!fake_timers[i].timer);
}

#endif
