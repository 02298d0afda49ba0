// A library to preload: every clock that a program reads is the processor time of the process. Programs of one thread then
// measure themselves as if they were alone on a busy machine (bench/engine_rivals.py --clock cpu).
//   gcc -O2 -shared -fPIC processor_clock.c -o processor_clock.so
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec* now) {
  (void)clock;
  return (int)syscall(SYS_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, now);
}

int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  (void)zone;
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  now->tv_sec = time.tv_sec;
  now->tv_usec = time.tv_nsec / 1000;
  return 0;
}
