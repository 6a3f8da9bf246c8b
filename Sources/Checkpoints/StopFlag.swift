// A request to stop, set by a signal and read by the pipelines between chunks.

import Diagnostics
import Synchronization

/// Whether the run was asked to stop.
///
/// What is sealed stays; the rest is given up.
package enum StopFlag {
    private static let signalNumber = Atomic<Int32>(0)

    /// To be called from a signal handler: a single atomic store.
    package static func raise(signal: Int32) { signalNumber.store(signal, ordering: .relaxed) }

    package static var isRaised: Bool { signalNumber.load(ordering: .relaxed) != 0 }

    /// The signal that asked for it; 0 when none did.
    package static var signal: Int32 { signalNumber.load(ordering: .relaxed) }

    /// Throws when a stop was asked for.
    ///
    /// - Parameter isWriting: whether there are sealed files to go on from.
    package static func check(isWriting: Bool = true) throws(Failure) {
        guard isRaised else { return }
        throw Failure(
            Finding(
                .error, .stoppedBySignal, "stopped by signal \(signalNumber.load(ordering: .relaxed))",
                found: isWriting ? "sealed files are kept" : "nothing was written",
                remedy: isWriting
                    ? "the same command with --resume goes on from here" : "give the same command again"))
    }
}
