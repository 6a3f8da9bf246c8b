// Where an artefact is built: a folder `OUTPUT.partial` beside the output, which takes the output's name in
// one step when everything in it is sealed. Until then nothing stands under that name, or the artefact
// that stood there before.

import CSystem
import Diagnostics
import Glibc

/// The place an artefact is built in, and the name it gets.
package struct OutputFolder: Sendable {
    /// What to do about what stands at the output already.
    package struct Policy: Sendable {
        package var resume: Bool
        package var replace: Bool

        package init(resume: Bool, replace: Bool) {
            self.resume = resume
            self.replace = replace
        }
    }

    package let path: String
    package let partial: String
    package let policy: Policy
    /// The file that every artefact of this kind has: a folder without it is never replaced.
    package let marker: String
    /// What such a folder is called.
    package let kind: String

    package init(
        path: String, policy: Policy, marker: String = "config.json", kind: String = "checkpoint"
    ) {
        self.marker = marker
        self.kind = kind
        var trimmed = path
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        self.path = trimmed
        partial = trimmed + ".partial"
        self.policy = policy
    }

    /// The same place for who goes on with what was begun there, whatever the policy was at the beginning.
    var resumed: OutputFolder {
        OutputFolder(
            path: path, policy: Policy(resume: true, replace: policy.replace), marker: marker, kind: kind)
    }

    /// Everything that would stop the run later, found without writing a byte.
    ///
    /// - Parameters:
    ///   - input: the source folder, which the output must not touch.
    ///   - bytes: what the output will hold.
    package func check(input: String, bytes: Int) -> [Finding] {
        var findings: [Finding] = []
        // The folder the work is done in must not touch the input either.
        let places = [resolvedPlace, resolved(partial)].compactMap { $0 }
        if let input = resolved(input),
            places.contains(where: { $0 == input || isInside($0, input) || isInside(input, $0) })
        {
            findings.append(
                Finding(
                    .error, .outputOverInput, "the output and the input are one inside the other", file: path,
                    expected: "a folder apart from \(input)", remedy: "choose another --output"))
            return findings
        }
        findings += checkExisting() + checkPartial()
        if let free = FileAccess.freeBytes(at: path), free < bytes, !policy.resume {
            findings.append(
                Finding(
                    .error, .outputSpace, "the output does not fit on this disk", file: path,
                    expected: "\(grouped(bytes)) bytes free", found: "\(grouped(free)) bytes free",
                    remedy: "free space or choose another --output"))
        }
        return findings
    }

    private func checkExisting() -> [Finding] {
        var findings: [Finding] = []
        if FileAccess.kind(path, followingLinks: false) == .symbolicLink {
            // A folder cannot be renamed over a link.
            findings.append(
                Finding(
                    .error, .outputExists, "a link stands where the output folder should be", file: path,
                    expected: "no such path, or a folder", found: "a symbolic link",
                    remedy: "--output with the path it leads to"))
            return findings
        }
        switch FileAccess.kind(path) {
        case .nothing: break
        case .folder:
            if isMountPoint {
                findings.append(
                    Finding(
                        .error, .outputIsMount,
                        "the output is a mount point and cannot be renamed into place",
                        file: path, expected: "a folder inside it",
                        remedy: "--output \(joined(path, "artefact"))"))
            } else if let names = try? FileAccess.names(in: path), !names.isEmpty {
                if !policy.replace {
                    findings.append(
                        Finding(
                            .error, .outputExists, "the output exists and is not empty", file: path,
                            expected: "no such folder, or an empty one",
                            found: "\(grouped(names.count)) entries",
                            remedy:
                                "choose another --output, or --replace to put the new artefact in its place"))
                } else if !isOneOfOurs(names) {
                    // --replace removes what stands there: only ever an artefact of the same kind.
                    findings.append(
                        Finding(
                            .error, .outputNotOurs, "the folder to replace does not hold a \(kind)",
                            file: path,
                            expected: "a folder with \(marker)"
                                + (marker == "config.json" ? " and *.safetensors" : ""),
                            found: abridged(names),
                            remedy: "remove it yourself if it may go, or choose another --output"))
                }
            }
        default:
            findings.append(
                Finding(
                    .error, .outputExists, "a file stands where the output folder should be", file: path,
                    expected: "no such path", found: "a file", remedy: "choose another --output"))
        }
        return findings
    }

    /// Whether a folder holds what --replace may remove: config.json alone is in folders of many programs.
    private func isOneOfOurs(_ names: [String]) -> Bool {
        names.contains(marker)
            && (marker != "config.json" || names.contains { $0.hasSuffix(".safetensors") })
    }

    private func checkPartial() -> [Finding] {
        guard FileAccess.kind(partial, followingLinks: false) != .nothing else { return [] }
        if Journal.isHeld(in: partial) { return [Journal.busy(partial)] }
        guard isOurs else {
            return [
                Finding(
                    .error, .outputNotOurs, "the place where the work would be done is taken", file: partial,
                    expected: "no such path, or a folder with the journal of an earlier run",
                    found: abridged((try? FileAccess.names(in: partial)) ?? ["a file"]),
                    remedy: "move it away, or choose another --output")
            ]
        }
        guard !policy.resume, !policy.replace else { return [] }
        return [
            Finding(
                .error, .outputUnfinished, "an unfinished run left its work here", file: partial,
                expected: "no such folder", found: "sealed files and a journal",
                remedy: "--resume to go on with it, or --replace to start over")
        ]
    }

    /// Whether the partial folder is the work of an earlier run: it has a journal or nothing at all in it, or
    /// it is the old artefact of a run that was killed right after it swapped the new one in.
    private var isOurs: Bool {
        guard FileAccess.kind(partial, followingLinks: false) == .folder,
            let names = try? FileAccess.names(in: partial)
        else { return false }
        return names.isEmpty || names.contains(Journal.fileName) || holdsJournal
    }

    /// Whether the output was given its name by a run that was killed before it had tidied up.
    private var holdsJournal: Bool { FileAccess.kind(joined(path, Journal.fileName)) == .file }

    /// Creates the partial folder, locks its journal and removes what no journal speaks of.
    package func begin() throws(Failure) -> Journal {
        try FileAccess.createFolder(partial)
        // Locked before anything is removed: it could be the work of a run that is alive.
        let journal = try Journal(folder: partial)
        if policy.replace, !policy.resume { try journal.clear() }
        let startsOver = journal.isEmpty
        if startsOver {
            for name in try FileAccess.names(in: partial) where name != Journal.fileName {
                try FileAccess.remove(joined(partial, name))
            }
        } else {
            try removeUnsealed(in: partial)
        }
        return journal
    }

    /// Removes what a run that is no more has left in the making; what other processes are making stays.
    private func removeUnsealed(in folder: String) throws(Failure) {
        for name in try FileAccess.names(in: folder) where name != UnitLines.folderName {
            let path = joined(folder, name)
            if name.contains(".writing-") {
                try FileAccess.remove(path)
            } else if FileAccess.kind(path, followingLinks: false) == .folder {
                try removeUnsealed(in: path)
            }
        }
    }

    /// Removes what no sealed unit has made: what a run that was killed had written around them, or a stranger's.
    ///
    /// What other processes are making stays: they may do a unit once more.
    ///
    /// - Parameters:
    ///   - names: paths of sealed files in the folder.
    ///   - folders: the folders they lie in.
    func removeStrangers(keeping names: Set<String>, folders: [String]) throws(Failure) {
        func clean(_ prefix: String) throws(Failure) {
            for name in try FileAccess.names(in: joined(partial, prefix)) {
                let place = prefix + name
                if prefix.isEmpty, name == Journal.fileName || name == UnitLines.folderName { continue }
                if names.contains(place) || name.contains(".writing-") { continue }
                let isOurs = folders.contains { $0 == place || $0.hasPrefix(place + "/") }
                if isOurs, FileAccess.kind(joined(partial, place), followingLinks: false) == .folder {
                    try clean(place + "/")
                } else {
                    try FileAccess.remove(joined(partial, place))
                }
            }
        }
        try clean("")
    }

    /// Removes the partial folder of a run that failed before it had sealed anything.
    package func discard() { try? FileAccess.remove(partial) }

    /// Ends what a run that was killed after its last step left undone; false when there is more to do.
    package func finishSeal() throws(Failure) -> Bool {
        if FileAccess.kind(partial, followingLinks: false) != .nothing {
            let names = try FileAccess.names(in: partial)
            guard holdsJournal, !names.contains(Journal.fileName) else { return false }
            try FileAccess.remove(partial)
        }
        try tidy()
        return true
    }

    /// Removes what only the work needed; the journal last, since it tells that there is something to tidy up.
    private func tidy() throws(Failure) {
        try FileAccess.remove(joined(path, UnitLines.folderName))
        try FileAccess.remove(joined(path, Journal.fileName))
    }

    /// Gives the built folder the output's name; what stood there before goes after that.
    package func seal() throws(Failure) {
        try FileAccess.syncFolder(partial)
        let stood = FileAccess.kind(path) != .nothing
        let isEmpty = stood && ((try? FileAccess.names(in: path))?.isEmpty ?? false)
        if stood && !isEmpty {
            guard policy.replace else {
                throw Failure(
                    Finding(
                        .error, .outputExists, "the output appeared while this run was working", file: path,
                        remedy: "move it away, then repeat with --resume"))
            }
            try swap()
        } else {
            try FileAccess.rename(partial, to: path)
        }
        try tidy()
    }

    private func swap() throws(Failure) {
        if ingot_exchange(partial, path) == 0 {
            try FileAccess.syncFolder(parentFolder(path))
            try FileAccess.remove(partial)
            return
        }
        guard errno == EINVAL || errno == ENOSYS else { throw FileAccess.failure(.cannotCreate, path) }
        // File systems that cannot swap: two renames, the old artefact whole beside the new one in between.
        let old = path + ".replaced-\(getpid())"
        try FileAccess.rename(path, to: old)
        try FileAccess.rename(partial, to: path)
        try FileAccess.remove(old)
    }

    private func isInside(_ path: String, _ folder: String) -> Bool {
        path.hasPrefix(folder == "/" ? folder : folder + "/")
    }

    private var isMountPoint: Bool {
        var own = stat()
        var parent = stat()
        guard stat(path, &own) == 0, stat(parentFolder(path), &parent) == 0 else { return false }
        return own.st_dev != parent.st_dev
    }

    /// Where the output is or will be, with links resolved.
    private var resolvedPlace: String? {
        if let place = resolved(path) { return place }
        guard let base = resolved(FileAccess.existing(parentFolder(path))) else { return nil }
        return joined(base, lastComponent(path))
    }
}
