// Ctrl-C: a signal sets a flag, and long loops look at it.
#pragma once

namespace qreason {

// From now on the first SIGINT or SIGTERM sets a flag; the second of its kind ends the process at once.
void install_interrupt_handler();

// Throws Error(kInterrupted) once the flag is set: long loops call it.
void check_interrupt();

// For a program that goes on after Ctrl-C: whether a SIGINT came since the last call. Forgets it, so that the next one
// is the first again. A SIGTERM is not forgotten, and check_interrupt() throws for it.
bool take_interrupt();

// Becomes readable when a signal came, so that poll() can wait for input and for Ctrl-C at once, whichever thread the
// signal reaches; take_interrupt() empties it. -1 before install_interrupt_handler().
int interrupt_descriptor();

}  // namespace qreason
