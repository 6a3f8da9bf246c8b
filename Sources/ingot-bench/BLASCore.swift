// Which kernels OpenBLAS takes: it decides while it is loaded, so a choice in the environment has to be gone
// before the program starts.

import Glibc

enum BLASCore {
    private static let variable = "OPENBLAS_CORETYPE"

    /// Starts this program anew without the environment's choice of a core, if there is one.
    ///
    /// A core of another processor halves the speed of products, and figures of it are figures of nothing.
    static func restartWithDetectedCore() throws {
        guard getenv(variable) != nil else { return }
        unsetenv(variable)
        var arguments: [UnsafeMutablePointer<CChar>?] = CommandLine.arguments.map { strdup($0) }
        arguments.append(nil)
        execv("/proc/self/exe", arguments)
        throw BenchError(message: "cannot start again without \(variable): unset it, or pass --keep-core")
    }
}
