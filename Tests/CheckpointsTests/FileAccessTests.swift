// Calls to the file system that fail: each with its code and the path.

import Checkpoints
import Diagnostics
import Glibc
import Testing

@Suite struct FileAccessTests {
    private func code(_ body: () throws(Failure) -> Void) -> String? {
        do throws(Failure) { try body() } catch { return error.findings.first?.code.name }
        return nil
    }

    @Test func pathsOfTheWrongKind() {
        let folder = TemporaryFolder()
        folder.write("file", "12345")
        let file = folder.path("file")
        #expect(code { () throws(Failure) in _ = try FileAccess.read(folder.path, limit: 10) } == "FILE-002")
        #expect(code { () throws(Failure) in _ = try FileAccess.read("/dev/null", limit: 10) } == "FILE-002")
        #expect(code { () throws(Failure) in _ = try FileAccess.names(in: file) } == "FILE-003")
        #expect(code { () throws(Failure) in _ = try FileAccess.names(in: folder.path("x")) } == "FILE-001")
        withExtendedLifetime(folder) {}
    }

    @Test func filesOfTheWrongSize() {
        let folder = TemporaryFolder()
        folder.write("file", "12345")
        let file = folder.path("file")
        #expect(code { () throws(Failure) in _ = try FileAccess.read(file, range: 2..<5) } == nil)
        #expect(code { () throws(Failure) in _ = try FileAccess.read(file, range: 2..<6) } == "FILE-004")
        #expect(code { () throws(Failure) in _ = try FileAccess.read(file, limit: 5) } == nil)
        #expect(code { () throws(Failure) in _ = try FileAccess.read(file, limit: 4) } == "FILE-009")
        withExtendedLifetime(folder) {}
    }

    /// A lock that another run holds is one thing, a file system without locks another.
    @Test(arguments: [
        (EWOULDBLOCK, "OUT-003"), (ENOLCK, "OUT-010"), (ENOSYS, "OUT-010"), (EOPNOTSUPP, "OUT-010"),
    ])
    func whyAJournalIsNotLocked(_ errorNumber: Int32, _ code: String) {
        let finding = Journal.refusal("/out.partial", errorNumber: errorNumber)
        #expect(finding.code.name == code && finding.code.exit == .cannotCreateOutput)
    }
}
