// The manual pages: every command and option is there, and the programs that show them find no fault.

import Foundation
import TestSupport
import Testing

struct ManualTests {
    private static func has(_ program: String) -> Bool {
        FileManager.default.isExecutableFile(atPath: "/usr/bin/" + program)
    }

    private func pages() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let run = try ProgramRun.ingot("manual", "--output", folder.path)
        #expect(run.exit == 0, "\(run.errors)")
        return folder
    }

    @Test func everyCommandAndOptionIsThere() throws {
        let folder = try pages()
        let commands = try PrintedHelp.all()
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(files.count == commands.count, "\(files.sorted())")
        for command in commands {
            let name = (["ingot"] + command.path).joined(separator: "-")
            let text = try String(contentsOfFile: folder.path(name + ".1"), encoding: .utf8)
            #expect(text.contains(".SH \"NAME\"\n\(name.replacing("-", with: "\\-")) \\- "), "\(name)")
            for option in command.options {
                for match in option.prefix(while: { $0 != "." }).matches(of: /(?:^|\s)(--[a-z][a-z-]*)/) {
                    guard option.hasPrefix("  ") else { continue }
                    let typed = "\\fB" + match.1.replacing("-", with: "\\-") + "\\fR"
                    #expect(text.contains(typed) || !option.dropFirst(2).hasPrefix("-"), "\(name) \(match.1)")
                    break
                }
            }
            for subcommand in command.subcommands {
                #expect(files.contains("\(name)-\(subcommand).1"), "\(name)-\(subcommand)")
                #expect(text.contains("\(name)-\(subcommand)".replacing("-", with: "\\-")))
            }
            for example in command.examples {
                let first = String(example.split(separator: " --")[0]).replacing("-", with: "\\-")
                #expect(text.contains(first), "\(name): \(first)")
            }
        }
    }

    @Test(.enabled(if: has("mandoc"), "mandoc is not installed")) func mandocFindsNoFault() throws {
        let folder = try pages()
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        let run = try ProgramRun(
            "/usr/bin/mandoc", ["-T", "lint", "-W", "warning"] + files, in: folder.path)
        // Pages have no date, on purpose.
        let faults = run.output.split(separator: "\n").filter { !$0.contains("missing date") }
        #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
    }

    @Test(.enabled(if: has("groff"), "groff is not installed")) func groffFindsNoFault() throws {
        let folder = try pages()
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() {
            let run = try ProgramRun(
                "/usr/bin/groff", ["-man", "-Tutf8", "-P-cbou", "-ww", "-rCHECKSTYLE=3", file],
                in: folder.path)
            #expect(run.exit == 0 && run.errors.isEmpty, "\(file): \(run.errors)")
            #expect(run.output.contains("\nGENERAL OPTIONS\n"), "\(file)")
        }
    }

    @Test func onePageGoesToStandardOutput() throws {
        let run = try ProgramRun.ingot("manual", "--page", "draft-train")
        #expect(run.output.hasPrefix(".TH \"INGOT\\-DRAFT\\-TRAIN\" 1"))
        let wrong = try ProgramRun.ingot("manual", "--page", "quantice")
        #expect(wrong.exit == 64 && wrong.errors.contains("did you mean --page quantise?"))
    }
}
