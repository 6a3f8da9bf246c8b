// swift-tools-version: 6.2
// The order of the targets below is the order of the pipeline: a target imports only targets above it
// (checked by PackageGraphTests).
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .treatAllWarnings(as: .error)
]

// -O2 in debug too: at -O0 the kernels are 70 times slower and the tests unusable.
// No contraction: a fused multiply-add on one machine and not on another would change bits.
let cSettings: [CSetting] = [
    .unsafeFlags(["-O2"], .when(configuration: .debug)),
    .unsafeFlags(["-ffp-contract=off", "-fno-math-errno", "-Wall", "-Wextra", "-Werror"]),
]

let package = Package(
    name: "Ingot",
    products: [
        .executable(name: "ingot", targets: ["ingot"]),
        .executable(name: "ingot-bench", targets: ["ingot-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "CKernels", cSettings: cSettings),
        .target(name: "CSystem", cSettings: cSettings),
        .target(name: "CEmbedded", cSettings: cSettings),
        .target(name: "CCurl", cSettings: cSettings),
        .target(name: "COpenBLAS", cSettings: cSettings),
        .systemLibrary(
            name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
        .systemLibrary(
            name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(name: "Documents", dependencies: ["CEmbedded"], swiftSettings: swiftSettings),
        .target(name: "Diagnostics", dependencies: ["Documents", "CSystem"], swiftSettings: swiftSettings),
        .target(
            name: "Charts", dependencies: ["Documents", "Diagnostics"], swiftSettings: swiftSettings),
        .target(name: "Tensors", dependencies: ["CKernels"], swiftSettings: swiftSettings),
        .target(
            name: "Checkpoints",
            dependencies: [
                "CSystem", "CKernels", "CZstd", "CXXHash", "Documents", "Diagnostics", "Tensors",
                .product(name: "Crypto", package: "swift-crypto"),
            ], swiftSettings: swiftSettings),
        .target(
            name: "Architectures", dependencies: ["Documents", "Diagnostics", "Tensors", "Checkpoints"],
            swiftSettings: swiftSettings),
        .target(
            name: "Tokenisation", dependencies: ["Documents", "Diagnostics", "Checkpoints"],
            swiftSettings: swiftSettings),
        .target(
            name: "Backends",
            dependencies: ["CKernels", "COpenBLAS", "Documents", "Diagnostics", "Tensors"],
            swiftSettings: swiftSettings),
        .target(
            name: "ReferenceModel",
            dependencies: [
                "Documents", "Diagnostics", "Tensors", "Checkpoints", "Architectures", "Backends",
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "Endpoints", dependencies: ["CCurl", "Documents", "Diagnostics", "Checkpoints"],
            swiftSettings: swiftSettings),
        .target(
            name: "Calibration",
            dependencies: [
                "Documents", "Diagnostics", "Charts", "Tensors", "Checkpoints", "Architectures",
                "Tokenisation", "Backends", "ReferenceModel",
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "Quantisation",
            dependencies: [
                "CKernels", "Documents", "Diagnostics", "Tensors", "Checkpoints", "Architectures", "Backends",
                "ReferenceModel", "Calibration",
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "DraftHeads",
            dependencies: [
                "CKernels", "COpenBLAS", "Documents", "Diagnostics", "Charts", "Tensors", "Checkpoints",
                "Architectures", "Tokenisation", "Backends", "ReferenceModel",
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "Parity",
            dependencies: [
                "Documents", "Diagnostics", "Charts", "Tensors", "Checkpoints", "Architectures",
                "Tokenisation", "Backends", "ReferenceModel", "Endpoints",
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "Topology",
            dependencies: [
                "CKernels", "Documents", "Diagnostics", "Charts", "Tensors", "Checkpoints", "Architectures",
                "Calibration",
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "Publishing",
            dependencies: [
                "Documents", "Diagnostics", "Charts", "Tensors", "Checkpoints", "Architectures",
                "Quantisation",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Yams", package: "Yams"),
            ], swiftSettings: swiftSettings),
        .target(
            name: "Workbench",
            dependencies: [
                "CSystem", "Documents", "Diagnostics", "Charts", "Checkpoints", "Architectures",
                "Quantisation",
            ], swiftSettings: swiftSettings),
        .target(
            name: "Commands",
            dependencies: [
                "Documents", "Diagnostics", "Charts", "Tensors", "Checkpoints", "Architectures",
                "Tokenisation", "Backends", "ReferenceModel", "Endpoints", "Calibration", "Quantisation",
                "DraftHeads", "Parity", "Topology", "Publishing", "Workbench",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: swiftSettings),
        .executableTarget(name: "ingot", dependencies: ["Commands"], swiftSettings: swiftSettings),
        .executableTarget(
            name: "ingot-bench",
            dependencies: [
                "CKernels", "CXXHash", "Documents", "Diagnostics", "Tensors", "Checkpoints", "Architectures",
                "Backends", "ReferenceModel", "Quantisation", "DraftHeads",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: swiftSettings),
        .target(
            name: "TestSupport",
            dependencies: [
                "Documents", "Diagnostics", "Tensors", "Checkpoints", "Architectures", "Backends",
                "ReferenceModel", "Calibration", "Quantisation",
            ],
            path: "Tests/TestSupport", swiftSettings: swiftSettings),
        .testTarget(
            name: "CKernelsTests", dependencies: ["CKernels", "TestSupport"], swiftSettings: swiftSettings),
        .testTarget(
            name: "DocumentsTests", dependencies: ["Documents", "TestSupport"], swiftSettings: swiftSettings),
        .testTarget(
            name: "DiagnosticsTests", dependencies: ["Diagnostics", "TestSupport"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ChartsTests", dependencies: ["Charts", "Diagnostics", "TestSupport"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "TensorsTests", dependencies: ["Tensors", "TestSupport"], swiftSettings: swiftSettings),
        .testTarget(
            name: "CheckpointsTests", dependencies: ["Checkpoints", "TestSupport"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ArchitecturesTests", dependencies: ["Architectures", "TestSupport"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "TokenisationTests",
            dependencies: ["Checkpoints", "Diagnostics", "Documents", "TestSupport", "Tokenisation"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "BackendsTests",
            dependencies: ["Backends", "Diagnostics", "Documents", "Tensors", "TestSupport"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ReferenceModelTests",
            dependencies: [
                "Architectures", "Backends", "Checkpoints", "Diagnostics", "Documents", "Parity",
                "Quantisation", "ReferenceModel", "Tensors", "TestSupport",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "EndpointsTests",
            dependencies: ["Diagnostics", "Documents", "Endpoints", "TestSupport"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "CalibrationTests",
            dependencies: [
                "Architectures", "Backends", "Calibration", "Checkpoints", "Diagnostics", "Documents",
                "ReferenceModel", "Tensors", "TestSupport", "Tokenisation", "ingot",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "DraftHeadsTests",
            dependencies: [
                "Architectures", "Backends", "Checkpoints", "Diagnostics", "Documents", "DraftHeads",
                "ReferenceModel", "Tensors", "TestSupport", "Tokenisation", "ingot",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ParityTests",
            dependencies: [
                "Architectures", "Backends", "Checkpoints", "Diagnostics", "Documents", "Endpoints", "Parity",
                "Quantisation", "ReferenceModel", "Tensors", "TestSupport", "Tokenisation", "ingot",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "PublishingTests",
            dependencies: [
                "Architectures", "Checkpoints", "Diagnostics", "Documents", "Publishing", "Tensors",
                "TestSupport", "ingot",
                .product(name: "Yams", package: "Yams"),
            ], swiftSettings: swiftSettings),
        .testTarget(
            name: "QuantisationTests",
            dependencies: [
                "Architectures", "Backends", "CKernels", "Calibration", "Checkpoints", "Diagnostics",
                "Documents",
                "Quantisation", "ReferenceModel", "Tensors", "TestSupport", "ingot",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "TopologyTests",
            dependencies: [
                "Architectures", "Calibration", "Checkpoints", "Diagnostics", "Documents", "Quantisation",
                "Tensors", "TestSupport", "Topology", "ingot",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "WorkbenchTests",
            dependencies: [
                "Architectures", "Checkpoints", "Diagnostics", "Documents", "Tensors", "TestSupport",
                "Workbench", "ingot",
            ], swiftSettings: swiftSettings),
        .testTarget(
            name: "PipelineTests",
            dependencies: [
                "Architectures", "Checkpoints", "Documents", "Quantisation", "TestSupport", "ingot",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ClusterTests",
            dependencies: [
                "Architectures", "Diagnostics", "Documents", "Tensors", "TestSupport", "ingot",
                .product(name: "Yams", package: "Yams"),
            ],
            path: "Tests/Clusters", exclude: ["slurm.sh"], swiftSettings: swiftSettings),
        .testTarget(
            name: "CommandTests", dependencies: ["Commands", "Documents", "TestSupport", "ingot"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "PackageGraphTests", dependencies: ["Documents", "TestSupport", "Workbench"],
            swiftSettings: swiftSettings),
    ],
    cLanguageStandard: .gnu2x
)
