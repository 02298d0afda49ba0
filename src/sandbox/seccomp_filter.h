// The system calls of a sandbox: those that a Python program needs, and no others.
#pragma once

#include <initializer_list>

namespace qreason {

// The filter as a Berkeley packet filter program, in a file without a name that is to be read from its beginning. What
// is not in the list fails with ENOSYS, calls of another machine's numbering kill. Of the rest: clone() makes no
// namespaces, sockets are AF_UNIX, ioctl() asks no terminal for more than its size, memory that is shared has a file
// (whose size the sandbox limits), prctl() only names and reads, limits are set for the caller alone. The caller closes
// the descriptor.
int make_seccomp_filter();

// Another one, to stand beside it where there is no sandbox: it forbids (EPERM) signals to these processes and their
// groups, and to everything at once.
int make_signal_guard(std::initializer_list<int> processes);

}  // namespace qreason
