// The colours of a heat map: 32 steps of even lightness (interpolated in OKLab, Ottosson 2020, so that equal
// steps look equal and the order survives any kind of colour vision and a grey print). High values stand out
// from the page: darkest on a light page, lightest on a dark one.

/// The sequential colour scale, as the rules of a stylesheet.
enum HeatColours {
    /// How many classes values are sorted into.
    static let count = 32

    /// `--h0` to `--h31` for a light page.
    static let light = declarations(
        """
        F6F1DF E8ECD7 DBE7D0 CDE2C9 BFDCC1 B1D7BA A3D2B4 97CBB4 \
        8BC4B4 7FBDB4 73B6B4 66AFB4 59A8B3 4BA1B3 3B9AB2 3792AE \
        328AAB 2E82A7 2A7AA3 26729F 226A9B 1F6297 1C5B92 1B548A \
        1A4D82 19467A 173F72 16396A 153262 132C5A 122553 101F4B
        """)

    /// The same for a dark page.
    static let dark = declarations(
        """
        1B2733 1C2D3D 1D3347 1E3852 1F3E5C 1F4467 1F4A72 20517B \
        21597F 236084 256889 276F8D 297792 2B7F96 2D879B 338E9E \
        41959C 4F9D9A 5BA498 67AB96 73B293 7EB990 8AC08D 95C789 \
        A1CD88 AED38E BCD893 C9DD99 D5E39F E2E8A4 EFEEAA FCF3B0
        """)

    /// `.h0` to `.h31`: what a cell of a class is filled with.
    static let classes = (0..<count).map { ".h\($0){fill:var(--h\($0))}" }.joined()

    private static func declarations(_ colours: String) -> String {
        colours.split(separator: " ").enumerated().map { "--h\($0):#\($1);" }.joined()
    }
}
