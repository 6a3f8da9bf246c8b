// The command line of a stage, with every path told apart: what is read decides whether the stage must be done again,
// what is written is where the run folder has it.

import Diagnostics
import Documents

/// One word of a stage's command line.
package enum StageArgument: Sendable, Equatable {
    /// A word that decides what comes out.
    case word(String)
    /// A word that only decides how fast it comes: threads, files at a time.
    case pace(String)
    /// A file or folder that is read, by its absolute path.
    case input(String)
    /// A folder or file of the run folder that an earlier stage made, by its path in it.
    case made(String)
    /// A folder or file of the run folder that this stage makes, by its path in it.
    case output(String)
}

/// A stage as it will be done.
package struct PlannedStage: Sendable, Equatable {
    package let name: StageName
    package let arguments: [StageArgument]

    /// The command line after the program's name.
    package func words(in folder: String) -> [String] {
        name.command
            + arguments.map { argument in
                switch argument {
                case .word(let word), .pace(let word), .input(let word): word
                case .made(let path), .output(let path): "\(folder)/\(path)"
                }
            }
    }

    /// What it reads: absolute paths, those of the run folder included.
    package func inputs(in folder: String) -> [String] {
        var paths: [String] = []
        for argument in arguments {
            switch argument {
            case .input(let path): paths.append(path)
            case .made(let path): paths.append("\(folder)/\(path)")
            case .word, .pace, .output: break
            }
        }
        return paths
    }

    /// What it makes, by paths in the run folder.
    package var outputs: [String] {
        arguments.compactMap { if case .output(let path) = $0 { path } else { nil } }
    }

    /// The command as a person would type it.
    package func line(in folder: String) -> String {
        (["ingot"] + words(in: folder)).map(shellWord).joined(separator: " ")
    }
}
