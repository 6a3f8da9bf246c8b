// The way in: a mistyped subcommand gets a hint before the argument parser says what it makes of it.

import ArgumentParser
import Diagnostics
import Documents
import Glibc

extension Ingot {
    /// Runs the command line of this process and ends it.
    package static func run() -> Never {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if let word = arguments.first, !word.hasPrefix("-"), !names.contains(word) {
            let near = nearMiss(word, among: shown)
            let finding = Finding(
                .error, .unknownCommand, "no such command", option: word,
                expected: shown.joined(separator: ", "),
                remedy: near.map { "did you mean ingot \($0)?" } ?? "ingot --help")
            writeError(finding.text + "\ningot explain \(finding.code) says more\n")
            Glibc.exit(finding.code.exit.rawValue)
        }
        do {
            var command = try parseAsRoot(arguments)
            try command.run()
        } catch {
            guard let page = HelpPage(fullMessage(for: error)), exitCode(for: error) == .success else {
                exit(withError: error)
            }
            print(page.text)
        }
        exit()
    }

    /// Every word that may stand first, aliases included.
    private static var names: [String] { words(configuration.subcommands) }

    /// The words that the help shows.
    private static var shown: [String] {
        words(configuration.subcommands.filter { $0.configuration.shouldDisplay })
    }

    private static func words(_ commands: [any ParsableCommand.Type]) -> [String] {
        commands.flatMap { [$0._commandName] + $0.configuration.aliases } + ["help"]
    }
}
