# Process 1 of a sandbox: starts one child a run and reports its end. It reads nothing of a run but the order to start it,
# so that a child, which begins as a copy of it, finds neither earlier inputs nor the descriptors of the outside here.
#
# Arguments: the limits as JSON, and trusted source that defines run(payload, result_descriptor), which is loaded once.
# Descriptor 3 is a socket of packets. It sends "ready"; an order is "run" with the descriptors payload, stdin, stdout,
# result; its answer is "ended WAIT_STATUS CLEAN". The end of the socket ends the sandbox with all that is in it.
#
# Without a sandbox (LIMITS['sandboxed'] is false) it is no process 1, but becomes the parent of all that descends from it
# and loses its own; a first packet, "filters", brings the filters of system calls that its children then put on.
import array, gc, json, os, resource, select, signal, socket, sys

LIMITS, PRELUDE = json.loads(sys.argv[1]), sys.argv[2]
sys.argv = ['']
SCRATCH, SANDBOXED = LIMITS['scratch'], LIMITS['sandboxed']
STDIN, WORK = SCRATCH + '/stdin', SCRATCH + '/work'


def lower(which, soft, hard=None):
    hard = soft if hard is None else hard
    most = resource.getrlimit(which)[1]
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(which, (soft, hard))


def limit_child():
    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_CPU, LIMITS['cpu_seconds'] + 1)
    lower(resource.RLIMIT_AS, LIMITS['address_bytes'])
    lower(resource.RLIMIT_FSIZE, LIMITS['disk_bytes'])
    lower(resource.RLIMIT_NOFILE, 256)
    lower(resource.RLIMIT_MSGQUEUE, 0)
    lower(resource.RLIMIT_MEMLOCK, 0)
    # The main stack may grow to what the kernel keeps free below it (128 MB at the least); threads keep their size.
    lower(resource.RLIMIT_STACK, 120 << 20)
    if LIMITS['processes']:
        lower(resource.RLIMIT_NPROC, LIMITS['processes'] + 1)


def copy_stdin(source):
    target = os.open(STDIN, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    while block := os.read(source, 1 << 20):
        while block:
            block = block[os.write(target, block):]
    os.close(target)


def read_all(descriptor):
    blocks = []
    while block := os.read(descriptor, 1 << 20):
        blocks.append(block)
    return b''.join(blocks)


def receive(control, size):
    """A packet and its descriptors."""
    text, ancillary, _, _ = control.recvmsg(size, socket.CMSG_SPACE(16 + 16))
    descriptors = array.array('i')
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[:len(data) - len(data) % descriptors.itemsize])
    return text, descriptors


def process_control(option, first, second=0):
    import ctypes
    if ctypes.CDLL(None).prctl(option, ctypes.c_ulong(first), ctypes.c_ulong(second), ctypes.c_ulong(0),
                               ctypes.c_ulong(0)) != 0:
        raise OSError(f'prctl {option} is refused')


def begin_without_sandbox(control):
    """What bubblewrap does elsewhere, as far as it needs no privilege; the filters."""
    PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
    process_control(PR_SET_CHILD_SUBREAPER, 1)
    process_control(PR_SET_NO_NEW_PRIVS, 1)
    os.chdir(SCRATCH)
    # A sandbox has the standard library alone.
    sys.path[:] = [path for path in sys.path if not path.endswith('-packages')]
    _, descriptors = receive(control, 16)
    filters = [read_all(descriptor) for descriptor in descriptors]
    for descriptor in descriptors:
        os.close(descriptor)
    return filters


def go_without_sandbox(filters):
    PR_SET_PDEATHSIG, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 1, 22, 2
    with open('/proc/self/oom_score_adj', 'w') as score:
        score.write('1000')
    process_control(PR_SET_PDEATHSIG, signal.SIGKILL)
    import ctypes
    for code in filters:
        text = ctypes.create_string_buffer(code, len(code))
        program = (ctypes.c_ulong * 2)(len(code) // 8, ctypes.addressof(text))  # struct sock_fprog
        process_control(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(program))


def child(control, descriptors, run, filters):
    control.close()
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    payload, stdin, stdout, result = descriptors
    program = read_all(payload)
    copy_stdin(stdin)
    os.mkdir(WORK)
    os.chdir(WORK)
    null = os.open('/dev/null', os.O_RDWR)
    os.dup2(os.open(STDIN, os.O_RDONLY), 0)
    os.dup2(stdout, 1)
    os.dup2(null, 2)
    result = os.dup2(result, 200, inheritable=False)
    os.closerange(3, 200)
    os.closerange(201, 1024)
    limit_child()
    if not SANDBOXED:
        go_without_sandbox(filters)
    gc.enable()
    run(program, result)


def reap(main):
    """The main child's status once it has ended; whatever else has ended is only removed."""
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return None
            if pid == main:
                return status
    except ChildProcessError:
        return None


def wait_for(main, control):
    watched = os.pidfd_open(main)
    poll = select.poll()
    poll.register(watched, select.POLLIN)
    poll.register(control, select.POLLIN)
    try:
        while True:
            events = dict(poll.poll(100))
            if control.fileno() in events:
                kill_rest()
                os._exit(0)
            status = reap(main)
            if status is not None:
                return status
    finally:
        os.close(watched)


def kill_rest():
    if not SANDBOXED:
        return kill_children()
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        pass


def kill_children():
    """All that descends from here: the children of a child that ends become our own."""
    try:
        while True:
            with open(f'/proc/self/task/{os.getpid()}/children') as children:
                for process in children.read().split():
                    os.kill(int(process), signal.SIGKILL)
            os.waitpid(-1, 0)
    except ChildProcessError:
        pass


def is_clean():
    """Whether nothing is left of a run once its input and its empty folder are removed."""
    try:
        os.unlink(STDIN)
        os.rmdir(WORK)
        return not os.listdir(SCRATCH)
    except OSError:
        return False


def serve():
    control = socket.socket(fileno=3)
    sys.path[:] = [path for path in sys.path if path]
    filters = [] if SANDBOXED else begin_without_sandbox(control)
    if LIMITS['packages']:
        sys.path.append(LIMITS['packages'])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    space = {'__name__': 'prelude', '__builtins__': dict(vars(__builtins__))}
    exec(compile(PRELUDE, 'prelude', 'exec'), space)
    run = space['run']
    gc.collect()
    gc.disable()
    gc.freeze()
    control.send(b'ready')
    while True:
        order, descriptors = receive(control, 16)
        if order != b'run':
            os._exit(0)
        main = os.fork()
        if main == 0:
            try:
                child(control, descriptors, run, filters)
            finally:
                os._exit(1)
        for descriptor in descriptors:
            os.close(descriptor)
        status = wait_for(main, control)
        kill_rest()
        control.send(b'ended %d %d' % (status, is_clean()))


serve()
