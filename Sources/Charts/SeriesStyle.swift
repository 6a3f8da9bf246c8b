// How series are told apart: by colour, by dash and by the shape of their markers, so that colour is never
// alone. Colours are those of Okabe and Ito ("Color universal design", 2008), darkened or lightened where
// one of them would be hard to see on a light or a dark page.

/// The look of one series of a chart.
struct SeriesStyle {
    /// How many looks there are before one returns.
    static let count = 36

    let index: Int

    private var colour: Int { index % 6 }
    private var shape: Int { (index + index / 6) % 6 }

    /// The classes that set the colour and the dash.
    var classes: String { "s\(colour) d\(shape)" }

    /// The outline of the marker around a point.
    func marker(x: Double, y: Double, radius r: Double) -> String {
        func at(_ dx: Double, _ dy: Double) -> String { "\(coordinate(x + dx)) \(coordinate(y + dy))" }
        return switch shape {
        case 1: "M\(at(-r, -r))L\(at(r, -r))L\(at(r, r))L\(at(-r, r))Z"
        case 2: "M\(at(0, -r * 1.3))L\(at(r * 1.2, r))L\(at(-r * 1.2, r))Z"
        case 3: "M\(at(0, -r * 1.4))L\(at(r * 1.4, 0))L\(at(0, r * 1.4))L\(at(-r * 1.4, 0))Z"
        case 4: "M\(at(0, r * 1.3))L\(at(r * 1.2, -r))L\(at(-r * 1.2, -r))Z"
        case 5:
            "M\(at(-r * 1.4, -r * 0.5))L\(at(r * 1.4, -r * 0.5))L\(at(r * 1.4, r * 0.5))"
                + "L\(at(-r * 1.4, r * 0.5))Z"
        default: Self.circle(x: x, y: y, radius: r * 1.1)
        }
    }

    /// A circle as a path.
    static func circle(x: Double, y: Double, radius: Double) -> String {
        let r = coordinate(radius)
        let across = coordinate(radius * 2)
        return
            "M\(coordinate(x - radius)) \(coordinate(y))a\(r) \(r) 0 1 0 \(across) 0a\(r) \(r) 0 1 0 -\(across) 0Z"
    }

    /// A cross, for a value that cannot be drawn.
    static func cross(x: Double, y: Double, radius: Double = 4) -> String {
        let (left, right) = (coordinate(x - radius), coordinate(x + radius))
        let (top, bottom) = (coordinate(y - radius), coordinate(y + radius))
        return "M\(left) \(top)L\(right) \(bottom)M\(left) \(bottom)L\(right) \(top)"
    }

    /// The rules for the classes above; the dash patterns are user units of line and gap.
    static let classRules =
        (0..<6).map { ".s\($0){--c:var(--c\($0))}" }.joined()
        + zip(0..., ["none", "9 4", "2 3", "12 3 3 3", "5 3", "1.5 5"]).map { ".d\($0){--d:\($1)}" }.joined()

    /// `--c0` to `--c5` for a light page: at least 3 to 1 against white.
    static let light =
        "--c0:#0072B2;--c1:#D55E00;--c2:#00805F;--c3:#B0568C;--c4:#A87300;--c5:#3A8EC4;"

    /// The same for a dark page.
    static let dark =
        "--c0:#56B4E9;--c1:#F5853F;--c2:#2FBF93;--c3:#DE9BC2;--c4:#E6B422;--c5:#A5D8F5;"
}
