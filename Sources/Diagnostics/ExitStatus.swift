// The exit codes of every command: sysexits where one fits, and two of our own (1 and 75).

/// What the process says to its caller when it ends.
package enum ExitStatus: Int32, Sendable {
    case done = 0
    /// A check ran to its end and says no.
    case refused = 1
    case usage = 64
    case badData = 65
    case inputMissing = 66
    case ourFault = 70
    case cannotCreateOutput = 73
    case inputOutput = 74
    /// Stopped on purpose or by a signal; the same command with --resume goes on.
    case stopped = 75
    case badProfile = 78
    /// Ended by SIGINT with what there was, for work that has nothing to resume.
    case interrupted = 130
    /// The same by SIGTERM.
    case terminated = 143
}
