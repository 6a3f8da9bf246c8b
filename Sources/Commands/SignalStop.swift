// Ctrl-C and a polite kill end a run at the next chunk: what is sealed is kept, the rest is removed.

import Checkpoints
import Glibc

/// Makes the first SIGINT or SIGTERM a request to stop; a second one ends the process at once.
func stopOnSignals() {
    signal(SIGINT, handleStop)
    signal(SIGTERM, handleStop)
    // Whoever started this process may have blocked them, as a dispatch thread does, and that is inherited.
    var wanted = sigset_t()
    sigemptyset(&wanted)
    sigaddset(&wanted, SIGINT)
    sigaddset(&wanted, SIGTERM)
    pthread_sigmask(SIG_UNBLOCK, &wanted, nil)
    // A file-size limit is then an error of the write, told like a full disk.
    signal(SIGXFSZ, SIG_IGN)
}

private func handleStop(_ number: Int32) {
    StopFlag.raise(signal: number)
    signal(number, SIG_DFL)
}
