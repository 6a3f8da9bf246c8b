// From the words of the command line to a request: the scheme, what --keep leaves alone, and what the target
// refuses or wants otherwise.

import Architectures
import Diagnostics
import Documents
import Quantisation

extension QuantisationRequest {
    /// A request and what its target has to say about it.
    static func make(
        scheme name: String, target targetName: String?, keep: [String], search: String? = nil,
        hasCacheScales: Bool = false, inventory: TensorInventory
    ) throws(Failure) -> (request: QuantisationRequest, findings: [Finding]) {
        let scheme = try SchemeLibrary.scheme(name)
        var adaptations: [Adaptation] = []
        for word in keep {
            adaptations.append(
                Adaptation(.keep(try role(word, of: scheme)), reason: "left as it is by --keep \(word)"))
        }
        let search = try scaleSearch(search)
        let request = QuantisationRequest(scheme: scheme, adaptations: adaptations, search: search)
        guard let targetName else {
            try request.checkSearch()
            return (request, [])
        }

        let target = try Target(targetName, .embedded)
        var findings = target.findings(inventory.configuration)
        let description = request.description(inventory, hasCacheScales: hasCacheScales)
        findings += target.storedScaleFindings(description)
        for verdict in target.verdicts(description) {
            switch verdict {
            case .refuse(let reason, let remedy):
                findings.append(
                    Finding(
                        .error, .targetRefuses, "the target cannot load this scheme",
                        target: target.name,
                        expected: "a scheme that it loads", found: scheme.name, remedy: remedy,
                        cause: reason))
            case .keepRoles(let roles, let reason):
                for role in roles where request.quantises(role) {
                    adaptations.append(
                        Adaptation(.keep(role), reason: "\(role.name) stays as it is: \(reason)"))
                }
            case .roundScales(let reason) where scheme.rule == .f32:
                adaptations.append(Adaptation(.roundScales, reason: "scales are powers of two: \(reason)"))
            case .roundScales(let reason), .warn(let reason):
                findings.append(
                    Finding(
                        .warning, .targetAdapts, "the target runs this scheme with a difference",
                        target: target.name, cause: reason))
            }
        }
        for adaptation in adaptations.dropFirst(keep.count) {
            findings.append(
                Finding(
                    .note, .targetAdapted, "the scheme is adapted to the target", target: target.name,
                    remedy: "leave out --target to write the scheme as it is", cause: adaptation.reason))
        }
        try findings.throwErrors()
        let adapted = QuantisationRequest(
            scheme: scheme, target: target.name, adaptations: adaptations, search: search)
        try adapted.checkSearch()
        return (adapted, findings)
    }

    private static func scaleSearch(_ word: String?) throws(Failure) -> ScaleSearch? {
        guard let word else { return nil }
        if let search = ScaleSearch(rawValue: word) { return search }
        let names = ScaleSearch.allCases.map(\.rawValue)
        throw Failure(
            Finding(
                .error, .searchImpossible, "scales cannot be searched for this", option: "--clip \(word)",
                expected: names.joined(separator: ", "), found: word,
                remedy: nearMiss(word, among: names).map { "did you mean --clip \($0)?" }))
    }

    /// Only F32 scales are free to be any number.
    private func checkSearch() throws(Failure) {
        guard let search else { return }
        let fixed = TensorRole.allCases.filter { quantises($0) && rule(for: $0) != .f32 }
        guard let first = fixed.first else { return }
        throw Failure(
            Finding(
                .error, .searchImpossible, "the scales of this scheme follow a rule and cannot be searched",
                option: "--clip \(search.rawValue)", expected: "F32 scales for every role",
                found: "\(rule(for: first).rawValue) for \(first.name)",
                remedy: "--scheme fp8-block, and no target that wants powers of two"))
    }

    private static func role(_ word: String, of scheme: Scheme) throws(Failure) -> TensorRole {
        if let role = TensorRole(name: word), scheme.quantised.contains(role) { return role }
        let names = TensorRole.allCases.filter(scheme.quantised.contains).map(\.name)
        throw Failure(
            Finding(
                .error, .unknownRole, "no quantised role of this name", option: "--keep \(word)",
                expected: names.joined(separator: ", "),
                remedy: nearMiss(word, among: names).map { "did you mean --keep \($0)?" }))
    }

    /// This request in the words that rules of targets are written in.
    private func description(_ inventory: TensorInventory, hasCacheScales: Bool) -> SchemeDescription {
        let entries = inventory.entries.filter { quantises($0) }
        return SchemeDescription(
            layout: scheme.layout,
            scales: givesPowersOfTwo ? .powerOfTwo : scheme.layout.scaleType == .bf16 ? .bf16 : .f32,
            roles: Set(entries.map(\.role)),
            hasPartialBlocks: scheme.layout.isBlock
                && entries.contains { entry in
                    entry.shape.dimensions[0] % scheme.blockRows != 0
                        || entry.shape.dimensions[1] % (scheme.blockColumns ?? 1) != 0
                },
            hasCacheScales: hasCacheScales)
    }
}
