// --replace where the system cannot exchange two folders in one call: two renames take its place. A filter of system
// calls, set by a launcher that then becomes the program, answers as such a file system does.

import Foundation
import TestSupport
import Testing

struct ExchangeTests {
    /// Answers renameat2 with the flag RENAME_EXCHANGE by an error number, then becomes the command given.
    ///
    /// - Source: linux/filter.h, linux/seccomp.h; renameat2 is call 316 of x86-64, its flags the fifth argument.
    private static let launcher = """
        import ctypes, os, struct, sys
        code = struct.pack("HBBI" * 8,
            0x20, 0, 0, 4, 0x15, 0, 5, 0xC000003E, 0x20, 0, 0, 0, 0x15, 0, 3, 316,
            0x20, 0, 0, 48, 0x15, 0, 1, 2, 0x06, 0, 0, 0x50000 | int(sys.argv[1]), 0x06, 0, 0, 0x7FFF0000)
        room = ctypes.create_string_buffer(code)
        program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 8, ctypes.addressof(room)))
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        if prctl(38, 1, 0, 0, 0) or prctl(22, 2, program, 0, 0):
            sys.exit(77)
        os.execv(sys.argv[2], sys.argv[2:])
        """

    private static func run(_ errorNumber: Int32, _ words: [String]) throws -> ProgramRun {
        try ProgramRun("/usr/bin/env", ["python3", "-c", launcher, "\(errorNumber)"] + words)
    }

    static let canFilter = (try? run(EINVAL, ["/bin/true"]))?.exit == 0

    @Test(.enabled(if: canFilter, "no python3 that may filter system calls"), arguments: [EINVAL, ENOSYS])
    func twoRenames(_ errorNumber: Int32) throws {
        let bench = try Workbench()
        let reference = try bench.reference()
        let folder = try TemporaryFolder()
        let output = folder.path("out")
        let words = [Repository.program("ingot"), "quantise", bench.source, "--output", output, "--quiet"]
        #expect(try ProgramRun(words[0], Array(words.dropFirst()) + ["--scheme", "fp8-channel"]).exit == 0)
        let old = try folderDigest(output)
        #expect(old != reference)
        // Any other error is one: so the call is made, and the filter meets it.
        let refused = try Self.run(EACCES, words + ["--replace"])
        #expect(refused.exit == 73 && refused.errors.contains("FILE-006"), "\(refused.errors)")
        #expect(try folderDigest(output) == old)
        let run = try Self.run(errorNumber, words + ["--replace"])
        #expect(run.exit == 0, "\(run.errors)")
        #expect(try folderDigest(output) == reference)
        #expect(try names(in: folder.path) == ["out"])
    }
}
