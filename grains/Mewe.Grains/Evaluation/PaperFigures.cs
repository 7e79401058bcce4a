using System.Collections.Immutable;

namespace Mewe.Grains;

/// <summary>
/// What "Multi-Variant Execution at the Edge" (MTD 2022), tables 1 to 4, reports of an endpoint: on 64 nodes of Fastly's network with 100 runs each, and other hardware, engine and
/// number of functions than here. They stand beside ours for orientation, as the paper prints them.
/// </summary>
/// <param name="Name">As the paper spells it.</param>
/// <param name="StaticPathsOriginal">Static paths in the original's call graph.</param>
/// <param name="StaticPathsMultivariant">Static paths in the multivariant call graph.</param>
/// <param name="MedianTraceLength">Function entries.</param>
/// <param name="ChoicesAllRuns">Choices in all 6,400 runs.</param>
/// <param name="OriginalMicroseconds">Execution time of the original.</param>
/// <param name="MultivariantMicroseconds">Execution time of the multivariant binary.</param>
/// <param name="Slowdown">The quotient of both times, as printed.</param>
public sealed record PaperFigures(string Name, int Functions, int Dispatchers, int Variants, double StaticPathsOriginal, double StaticPathsMultivariant, double Entropy,
    int MedianTraceLength, double ChoicesAllRuns, double OriginalMicroseconds, double MultivariantMicroseconds, double Slowdown)
{
    /// <summary>Choices of one run: the paper counts those of 64 x 100 runs.</summary>
    public double ChoicesPerRun => ChoicesAllRuns / 6400;

    /// <summary>The seven endpoints.</summary>
    public static ImmutableArray<PaperFigures> All { get; } =
    [
        new("encrypt", 23, 5, 56, 4, 325, 0.87, 816, 4e6, 7, 217, 31),
        new("decrypt", 20, 5, 49, 3, 84, 0.96, 440, 2e6, 13, 225, 17),
        new("random", 8, 2, 238, 2, 12_864, 0.98, 15, 12_800, 16, 232, 14.5),
        new("invert", 8, 2, 125, 2, 2_784, 0.87, 7_343, 12_800, 119, 341, 2.9),
        new("bin2base64", 3, 2, 47, 2, 172, 0.42, 57, 6_400, 10, 215, 21.5),
        new("qr_str", 982, 17, 2_092, 688e6, 97e12, 1.00, 3_045_193, 1.348e9, 3_117, 492_606, 158),
        new("qr_image", 858, 15, 2_063, 1.4e6, 3e9, 1.00, 3_015_450, 1.345e9, 3_091, 512_669, 166),
    ];

    /// <summary>The figures for an endpoint by the name that it has in <c>samples/</c>, or null: any other module is not the paper's.</summary>
    public static PaperFigures? Of(string endpoint) => All.FirstOrDefault(figures => figures.Name == (endpoint == "qr_img" ? "qr_image" : endpoint));
}
