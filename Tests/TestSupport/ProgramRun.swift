// Runs a built program and keeps everything it says.

import Foundation

/// One finished run of a program.
package struct ProgramRun: Sendable {
    package let exit: Int32
    package let output: String
    package let errors: String

    /// Runs a program to its end.
    ///
    /// - Parameter environment: variables on top of this process's own.
    package init(
        _ program: String, _ arguments: [String], in folder: String? = nil,
        environment: [String: String] = [:]
    ) throws {
        let started = try StartedProgram(program, arguments, in: folder, environment: environment)
        self = try started.wait()
    }

    init(exit: Int32, output: String, errors: String) {
        self.exit = exit
        self.output = output
        self.errors = errors
    }

    /// Runs `ingot` with arguments.
    package static func ingot(_ arguments: String..., in folder: String? = nil) throws -> ProgramRun {
        try ProgramRun(Repository.program("ingot"), arguments, in: folder)
    }
}

/// A program that is running: it can be waited for or killed.
package final class StartedProgram {
    private let process = Process()
    private let outputPath: String
    private let errorPath: String

    package init(
        _ program: String, _ arguments: [String], in folder: String? = nil,
        environment: [String: String] = [:]
    ) throws {
        let base = NSTemporaryDirectory() + "ingot-run-" + UUID().uuidString
        outputPath = base + ".out"
        errorPath = base + ".err"
        // Files, not pipes: a full pipe would stop the program.
        for path in [outputPath, errorPath] {
            try Data().write(to: URL(fileURLWithPath: path))
        }
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = FileHandle(forWritingAtPath: outputPath)
        process.standardError = FileHandle(forWritingAtPath: errorPath)
        try process.run()
    }

    package var identifier: Int32 { process.processIdentifier }

    package var isRunning: Bool { process.isRunning }

    /// What it has written to standard output by now.
    package var outputSoFar: String { (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? "" }

    /// Sends a signal: SIGKILL, SIGSTOP, SIGINT.
    package func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// Waits for the end and gives what was said; a signal is 128 + its number.
    package func wait() throws -> ProgramRun {
        process.waitUntilExit()
        defer {
            try? FileManager.default.removeItem(atPath: outputPath)
            try? FileManager.default.removeItem(atPath: errorPath)
        }
        let status = process.terminationStatus
        return ProgramRun(
            exit: process.terminationReason == .uncaughtSignal ? 128 + status : status,
            output: try String(contentsOfFile: outputPath, encoding: .utf8),
            errors: try String(contentsOfFile: errorPath, encoding: .utf8))
    }
}
