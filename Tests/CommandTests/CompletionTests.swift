// Completions as the shells give them: each script is loaded by its shell, which is then asked what it would
// offer. A shell that is not installed is left out.

import Foundation
import TestSupport
import Testing

struct CompletionTests {
    private static func has(_ shell: String) -> Bool {
        FileManager.default.isExecutableFile(atPath: "/usr/bin/" + shell)
    }

    /// A folder with things to complete, and the script of a shell.
    private func place(_ shell: String) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for name in ["Ling-flash", "Ling-mini"] {
            try FileManager.default.createDirectory(
                atPath: folder.path(name), withIntermediateDirectories: true)
        }
        for name in ["Ling.jsonl", "Ling.txt"] {
            try "".write(toFile: folder.path(name), atomically: true, encoding: .utf8)
        }
        let script = try ProgramRun.ingot("--generate-completion-script", shell)
        #expect(script.exit == 0)
        try script.output.write(
            toFile: folder.path(shell == "zsh" ? "_ingot" : "ingot." + shell), atomically: true,
            encoding: .utf8)
        return folder
    }

    private var environment: [String: String] {
        let bin = URL(fileURLWithPath: Repository.program("ingot")).deletingLastPathComponent().path
        return ["PATH": bin + ":/usr/bin:/bin", "TERM": "dumb"]
    }

    /// What bash would offer for the last word of a line.
    private func bash(_ line: String) throws -> [String] {
        let folder = try place("bash")
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        let script = """
            source ./ingot.bash
            COMP_WORDS=(\(words.map { "'\($0)'" }.joined(separator: " ")))
            COMP_CWORD=\(words.count - 1); COMP_LINE='\(line)'; COMP_POINT=${#COMP_LINE}; COMPREPLY=()
            _ingot ingot '\(words.last ?? "")' '\(words.dropLast().last ?? "")'
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        let run = try ProgramRun(
            "/bin/bash", ["--norc", "-c", script], in: folder.path, environment: environment)
        #expect(run.errors.isEmpty, "\(run.errors)")
        return run.output.split(separator: "\n").map(String.init).sorted()
    }

    private func fish(_ line: String) throws -> [String] {
        let folder = try place("fish")
        let run = try ProgramRun(
            "/usr/bin/fish", ["--no-config", "-c", "source ./ingot.fish; complete -C '\(line)'"],
            in: folder.path, environment: environment.merging(["HOME": folder.path]) { $1 })
        #expect(run.errors.isEmpty, "\(run.errors)")
        // After a tab stands what the word means.
        return run.output.split(separator: "\n").map { String($0.prefix { $0 != "\t" }) }.sorted()
    }

    /// What zsh makes of a line when the tabulator is pressed, typed into a terminal of its own.
    private func zsh(_ line: String) throws -> String {
        let folder = try place("zsh")
        let script = """
            zmodload zsh/zpty
            zpty shell zsh -f -i
            zpty -w shell 'PS1=; unsetopt zle_bracketed_paste beep; LISTMAX=10000; fpath=(\(folder.path) $fpath)'
            zpty -w shell 'autoload -Uz compinit; compinit -u -D; bindkey "^I" complete-word'
            zpty -w shell 'report() { print -r -- "<<$BUFFER>>"; zle send-break }; zle -N report; bindkey "^X" report'
            zpty -w shell 'print -r -- rea""dy'
            zpty -r -m shell output '*ready*'
            zpty -w -n shell '\(line)'$'\\t'
            sleep 1
            zpty -w -n shell $'\\x18'
            zpty -r -m shell output '*<<*>>*'
            print -r -- "$output"
            zpty -d shell
            """
        let run = try ProgramRun(
            "/usr/bin/zsh", ["-f", "-c", script], in: folder.path, environment: environment)
        let match = run.output.firstMatch(of: /<<(.*)>>/)
        return match.map { String($0.1) } ?? run.output + run.errors
    }

    @Test func bashOffersFilesAndNames() throws {
        #expect(try bash("ingot quan") == ["quantise"])
        #expect(try bash("ingot draft at") == ["attach"])
        #expect(try bash("ingot quantise Li") == ["Ling-flash", "Ling-mini"])
        #expect(try bash("ingot draft train Ling-flash --data Ling.") == ["Ling.jsonl"])
        #expect(
            try bash("ingot quantise Ling-flash --target vllm-0.33.0/h20-") == ["vllm-0.33.0/h20-96g"])
        #expect(try bash("ingot quantise Ling-flash --scheme fp8-ch") == ["fp8-channel"])
        #expect(try bash("ingot quantise Ling-flash --output Ling-m") == ["Ling-mini"])
        #expect(try bash("ingot quantise Ling-flash --dry") == ["--dry-run"])
        #expect(try bash("ingot verify Ling-flash Ling-mini --tolerance f") == ["f32", "fp8"])
        #expect(try bash("ingot explain CKPT-00").count == 9)
        #expect(try bash("ingot profiles show schemes/fp8-t") == ["schemes/fp8-tensor-static"])
        #expect(try bash("ingot man").isEmpty, "hidden")
        #expect(try bash("ingot run h200") == ["h200-fp8", "h200-fp8-128k"])
        #expect(try bash("ingot run ./Ling-m") == ["./Ling-mini/"])
    }

    /// Only targets that exist are offered, and every one that is can be given.
    @Test func everyTargetOfferedIsOne() throws {
        let targets = try bash("ingot validate Ling-flash --target ")
        #expect(targets.contains("vllm-ascend-0.11.0rc3/910b-64g"))
        #expect(!targets.contains("vllm-0.33.0/910b-64g"), "vLLM itself does not run there")
        for target in targets {
            let run = try ProgramRun.ingot(
                "validate", Repository.checkpoint("micro"), "--target", target, "--json")
            #expect(!run.output.contains("TARGET-002"), "\(target)")
        }
    }

    @Test(.enabled(if: has("fish"), "fish is not installed")) func fishOffersFilesAndNames() throws {
        #expect(try fish("ingot quan").contains("quantise"))
        #expect(try fish("ingot quantise Ling-flash --target vllm-0.33.0/h20-") == ["vllm-0.33.0/h20-96g"])
        #expect(try fish("ingot quantise Li") == ["Ling-flash/", "Ling-mini/"])
        #expect(try fish("ingot quantise Ling-flash --scheme fp8-ch") == ["fp8-channel"])
    }

    @Test(.enabled(if: has("zsh"), "zsh is not installed")) func zshOffersFilesAndNames() throws {
        #expect(try zsh("ingot quan") == "ingot quantise ")
        #expect(
            try zsh("ingot quantise Ling-flash --target vllm-0.33.0/h20-")
                == "ingot quantise Ling-flash --target vllm-0.33.0/h20-96g ")
        #expect(try zsh("ingot quantise Ling-f") == "ingot quantise Ling-flash/")
    }
}
