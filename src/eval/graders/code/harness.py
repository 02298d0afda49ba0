# Loaded once in a sandbox (src/sandbox/server.py); run() is called in a fresh child for each test, with the program's input
# as descriptor 0 and its output as descriptor 1. The payload is a line of JSON {"function": null or a name, "most": bytes}
# and the program. Expected outputs are never here.
#
# The report, on a descriptor of its own: "E" and a line about the uncaught exception, or "R" and the result of the
# function as graders/code/plain_value.h reads it. No report: the program ended by itself.
import atexit, builtins, decimal, fractions, os, random, sys, threading, types
from json import loads

# Names that solutions use without importing them: everything in these modules, and the modules. builtins come late enough
# that pow() has three arguments.
MODULES = ('string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys '
           'json builtins typing').split()
NAMES = {}
for name in MODULES:
    exec(f'from {name} import *', NAMES)
for name in MODULES:
    exec(f'import {name}', NAMES)
del NAMES['__builtins__']
OWN_STREAMS = ('stdin', 'stdout', 'stderr', 'argv')
RECURSION_LIMIT = 50000

# What this file calls after the program had its chance to replace it.
TextIOWrapper, BufferedReader, BufferedWriter, FileIO = (NAMES['io'].TextIOWrapper, NAMES['io'].BufferedReader,
                                                         NAMES['io'].BufferedWriter, NAMES['io'].FileIO)
write, leave, getpid = os.write, os._exit, os.getpid
join_threads, run_exit_functions = threading._shutdown, atexit._run_exitfuncs


class TooLarge(Exception):
    pass


def encoded(value, most):
    """A value of plain types as bytes: a letter for its type, and what it holds. X stands for what is not plain, equal to
    nothing. Types are compared by identity, so that no class can pass for a plain one."""
    parts, size = [], 0
    stack = [value]
    while stack:
        item = stack.pop()
        kind = type(item)
        if item is None:
            part = b'N'
        elif kind is bool:
            part = b'T' if item else b'F'
        elif kind is int:
            part = b'i%x;' % item if item >= 0 else b'i-%x;' % -item
        elif kind is float:
            part = b'f%s;' % float.hex(item).encode() if item - item == 0 else b'f%s;' % repr(item).encode()
        elif kind is str:
            text = item.encode('utf-8', 'surrogatepass')
            part = b's%d;%s' % (len(text), text)
        elif kind is list or kind is tuple:
            part = (b'l%d;' if kind is list else b't%d;') % len(item)
            stack.extend(item[::-1])
        elif kind is dict:
            part = b'd%d;' % len(item)
            for key, content in reversed(item.items()):
                stack.append(content)
                stack.append(key)
        else:
            part = b'X'
        size += len(part)
        if size + len(stack) > most:
            raise TooLarge('the result is larger than the limit')
        parts.append(part)
    return b''.join(parts)


def report(descriptor, kind, content):
    content = kind + content
    while content:
        content = content[write(descriptor, content):]


def about(error):
    kind = type(error)
    try:
        text = str(error)
    except BaseException:
        text = ''
    line = (kind.__name__ + (': ' + text if text else '')).replace('\n', ' ')
    return line[:500].encode('utf-8', 'replace')


def open_streams():
    sys.stdin = sys.__stdin__ = TextIOWrapper(BufferedReader(FileIO(0, 'r', closefd=False)), encoding='utf-8')
    sys.stdout = sys.__stdout__ = TextIOWrapper(BufferedWriter(FileIO(1, 'w', closefd=False)), encoding='utf-8',
                                                errors='surrogateescape')
    sys.stderr = sys.__stderr__ = TextIOWrapper(BufferedWriter(FileIO(2, 'w', closefd=False)), encoding='utf-8',
                                                errors='backslashreplace', line_buffering=True)
    return sys.stdout


def new_module(name):
    module = types.ModuleType(name)
    space = module.__dict__
    space.update(NAMES)
    space.update({'__name__': name, '__builtins__': builtins})
    for stream in OWN_STREAMS:
        space[stream] = getattr(sys, stream)
    sys.modules[name] = module
    return space


def call_function(program, name, arguments):
    space = new_module('solution')
    exec(compile(program, 'solution.py', 'exec'), space)
    function = getattr(space['Solution'](), name) if 'Solution' in space else space[name]
    value = function(*arguments)
    return list(value) if type(value) is tuple else value


def run_program(program):
    space = new_module('__main__')
    try:
        exec(compile(program, 'solution.py', 'exec'), space)
    except SystemExit:
        pass


def finish(stdout):
    join_threads()
    run_exit_functions()
    # The stream of the beginning, and what the program put in its place.
    for stream in (sys.stdout, stdout):
        try:
            stream.flush()
        except (AttributeError, ValueError):
            pass


def run(payload, descriptor):
    head, program = payload.split(b'\n', 1)
    head = loads(head)
    sys.setrecursionlimit(RECURSION_LIMIT)
    random.seed(0)
    main = getpid()
    stdout = open_streams()
    arguments = None
    if head['function'] is not None:
        with FileIO(0, 'r', closefd=False) as source:
            arguments = [loads(line) for line in source.readall().decode().split('\n') if line.strip()]
    try:
        if head['function'] is None:
            run_program(program)
            finish(stdout)
        else:
            result = encoded(call_function(program, head['function'], arguments), head['most'])
            if getpid() == main:
                report(descriptor, b'R', result)
    except BaseException as error:
        if getpid() == main:
            try:
                stdout.flush()
            except BaseException:
                pass
            report(descriptor, b'E', about(error))
        leave(1)
    leave(0)
