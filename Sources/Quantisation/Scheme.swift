// A scheme says what is quantised how, as data: roles, block shape, scale rule, amax floor, output layout.
// The profiles in Profiles/schemes are schemes; a user's own file is one too.

import Architectures
import CKernels
import Documents

/// How the scale of a block follows from its amax, and with which arithmetic a value is divided by it.
package enum ScaleRule: String, Sendable, CaseIterable {
    /// s = max(amax, floor) / 448 in F32.
    case f32
    /// The same, rounded up to a power of two by its exponent bits.
    case ue8m0
    /// The same, rounded up through log2 in F32 as the publisher's exporter does.
    case ue8m0Log2 = "ue8m0-log2"
    /// amax, scale and quotient in BF16.
    case bf16

    /// The kernel's rule.
    var kernel: ingot_scale_rule {
        switch self {
        case .f32: INGOT_SCALE_F32
        case .ue8m0: INGOT_SCALE_UE8M0
        case .ue8m0Log2: INGOT_SCALE_UE8M0_LOG2
        case .bf16: INGOT_SCALE_BF16
        }
    }

    /// Whether every scale it gives is a power of two.
    package var givesPowersOfTwo: Bool { self == .ue8m0 || self == .ue8m0Log2 }
}

/// What is quantised how.
package struct Scheme: Sendable {
    /// Why a role is left as it is.
    package struct Kept: Sendable {
        package let role: TensorRole
        package let why: String
    }

    package let name: String
    package let summary: String
    package let layout: SchemeLayout
    /// Rows of a block; 0 where one scale covers a whole matrix.
    package let blockRows: Int
    /// Columns of a block; nil for a whole row, and where one scale covers a whole matrix.
    package let blockColumns: Int?
    package let rule: ScaleRule
    /// Roles whose scales follow another rule.
    package let overrides: [TensorRole: ScaleRule]
    /// The least amax a block is taken to have; 0 for none.
    package let amaxFloor: Float
    /// The scale of a block whose own would be zero.
    package let zeroScale: Float
    package let quantised: Set<TensorRole>
    package let kept: [Kept]
    /// What it can take from a calibration; empty where nothing.
    package let statistics: [SchemeStatistics]

    /// The rule for a role.
    package func rule(for role: TensorRole) -> ScaleRule { overrides[role] ?? rule }

    /// Whether the arithmetic is defined for BF16 weights only.
    package var needsBF16: Bool { rule == .bf16 }
}

extension Scheme {
    /// Decodes a scheme strictly: every role is either quantised or kept, none is both.
    package init(document: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(document)
        try reader.schema(1)
        name = try reader.string("name")
        summary = try reader.string("summary")
        let layout = try reader.choice("layout", SchemeLayout.self)
        self.layout = layout
        let block = try reader.integers("block_shape")
        guard block.count == 2, block.allSatisfy((0...65_536).contains) else {
            throw reader.mismatch(
                "block_shape", "[rows, columns], [1, 0] for a whole row, [0, 0] for a whole matrix")
        }
        let fits =
            switch layout {
            case .deepSeekBlock, .compressedTensorsBlock: block[0] > 0 && block[1] > 0
            case .compressedTensorsChannel: block == [1, 0]
            case .compressedTensorsStatic: block == [0, 0]
            }
        guard fits else {
            throw reader.mismatch(
                "block_shape", "[1, 0] for a channel layout, [0, 0] for a static one, a block otherwise")
        }
        blockRows = block[0]
        blockColumns = block[1] == 0 ? nil : block[1]

        let scale = try reader.object("scale")
        rule = try scale.choice("rule", ScaleRule.self)
        amaxFloor = Float(try scale.double("amax_floor"))
        zeroScale = Float(try scale.double("zero_scale"))
        _ = try scale.finishWithSource()
        guard amaxFloor >= 0, amaxFloor.isFinite, zeroScale > 0, zeroScale.isFinite else {
            throw scale.mismatch("amax_floor", "a floor of 0 or more and a zero_scale above 0")
        }
        guard try reader.string("arithmetic") == (rule == .bf16 ? "bf16" : "f32") else {
            throw reader.mismatch("arithmetic", rule == .bf16 ? "bf16" : "f32")
        }

        var overrides: [TensorRole: ScaleRule] = [:]
        for item in try reader.objects("scale_overrides") {
            let rule = try item.choice("rule", ScaleRule.self)
            for role in try Self.roles(item, "roles") {
                guard overrides.updateValue(rule, forKey: role) == nil else {
                    throw item.mismatch("roles", "every role once (\(role.name) has two rules)")
                }
            }
            _ = try item.finishWithSource()
        }
        self.overrides = overrides

        let quantisedRoles = try Self.roles(reader, "quantised")
        quantised = Set(quantisedRoles)
        var kept: [Kept] = []
        for item in try reader.objects("kept") {
            kept.append(
                Kept(role: try Self.role(item, try item.string("role"), "role"), why: try item.string("why")))
            try item.finish()
        }
        self.kept = kept
        statistics = try SchemeStatistics.list(reader)
        try reader.finish()

        for role in quantisedRoles where !role.isQuantisable {
            throw reader.mismatch("quantised", "roles that can be quantised (\(role.name) cannot)")
        }
        if let role = Self.repeated(quantisedRoles + kept.map(\.role)) {
            throw DocumentError(
                path: quantised.contains(role) ? "quantised" : "kept", what: "a role is named twice",
                expected: "every role once, in \"quantised\" or in \"kept\"", found: "\"\(role.name)\" again",
                remedy: "remove one of the two")
        }
        for role in TensorRole.allCases where overrides[role] != nil && !quantised.contains(role) {
            throw reader.mismatch("scale_overrides", "roles that are quantised (\(role.name) is not)")
        }
        // The codes would be computed with a scale that the file then rounds.
        let rules = [rule] + overrides.values
        guard layout == .deepSeekBlock || !rules.contains(.f32) else {
            throw scale.mismatch("rule", "a rule whose scales are BF16 numbers, as this layout stores them")
        }
        let named = quantised.union(kept.map(\.role))
        for role in TensorRole.allCases where !named.contains(role) {
            throw DocumentError(
                path: "kept", what: "a role is neither quantised nor kept", expected: "every role once",
                found: "no \"\(role.name)\"",
                remedy: "add it to \"quantised\", or to \"kept\" with the reason")
        }
    }

    private static func repeated(_ roles: [TensorRole]) -> TensorRole? {
        var seen: Set<TensorRole> = []
        return roles.first { !seen.insert($0).inserted }
    }

    private static func roles(_ reader: StrictReader, _ key: String) throws(DocumentError) -> [TensorRole] {
        var roles: [TensorRole] = []
        for name in try reader.strings(key) { roles.append(try role(reader, name, key)) }
        return roles
    }

    private static func role(_ reader: StrictReader, _ name: String, _ key: String) throws(DocumentError)
        -> TensorRole
    {
        guard let role = TensorRole(name: name) else {
            let near = nearMiss(name, among: TensorRole.allCases.map(\.name))
            throw DocumentError(
                path: key, what: "no such role", expected: "a role of this architecture",
                found: "\"\(name)\"",
                remedy: near.map { "did you mean \"\($0)\"?" })
        }
        return role
    }
}
