// A stable name for one thing that can be wrong. The codes of an area are declared in the target that
// finds them; each has a page in docs/diagnostics (tested), which `ingot explain` prints.

/// A code such as `CKPT-006`, with the exit status that an error of this code gives the process.
package struct DiagnosticCode: Hashable, Sendable, CustomStringConvertible {
    package let name: String
    package let exit: ExitStatus

    package init(_ name: String, exit: ExitStatus = .badData) {
        self.name = name
        self.exit = exit
    }

    package var description: String { name }
}
