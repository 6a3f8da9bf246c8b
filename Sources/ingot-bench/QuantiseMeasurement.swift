// quantise.SCHEME: `ingot quantise` on a synthetic checkpoint against its copy, with the input in the page cache
// (warm) and out of it (cold).

enum QuantiseMeasurement {
    static func run(turns: Int, program: String, folder: String, scheme: String) throws -> [Measurement] {
        try CopyComparison.run(folder: folder, turns: turns) { comparison in
            try [("warm", false), ("cold", true)].map { word, cold in
                try comparison.measure(
                    "quantise.\(scheme).\(word)",
                    [program, "quantise", comparison.input, "--scheme", scheme], cold: cold)
            }
        }
    }
}
