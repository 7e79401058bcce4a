using System.Globalization;

namespace Mewe.StoreLoad;

/// <summary>What to measure.</summary>
internal sealed record LoadOptions
{
    public const string Usage = "store [--store CONNECTION-STRING] [--functions N] [--jobs N] [--history N,N,...] [--silos N] [--workers N] [--variants N] [--bytes N] [--seconds N]";

    /// <summary>Null: a private server that waits for the disk.</summary>
    public string? Store { get; private init; }

    public int Functions { get; private init; } = 1_000_000;

    /// <summary>Jobs that share the functions equally.</summary>
    public int Jobs { get; private init; } = 100;

    /// <summary>Finished functions beside those that wait, one measurement each.</summary>
    public IReadOnlyList<long> Histories { get; private init; } = [0, 1_000_000];

    public int Silos { get; private init; } = 2;

    public int Workers { get; private init; } = 64;

    public int Variants { get; private init; } = 4;

    public int ResultBytes { get; private init; } = 2_000;

    public int Seconds { get; private init; } = 20;

    public static LoadOptions? Parse(string[] arguments)
    {
        var options = new LoadOptions();
        for (var i = 0; i < arguments.Length; i += 2)
        {
            if (i + 1 == arguments.Length)
            {
                return null;
            }

            var value = arguments[i + 1];
            options = arguments[i] switch
            {
                "--store" => options with { Store = value },
                "--history" => options with { Histories = [.. value.Split(',').Select(number => long.Parse(number, CultureInfo.InvariantCulture))] },
                "--functions" => options with { Functions = Number(value) },
                "--jobs" => options with { Jobs = Number(value) },
                "--silos" => options with { Silos = Number(value) },
                "--workers" => options with { Workers = Number(value) },
                "--variants" => options with { Variants = Number(value) },
                "--bytes" => options with { ResultBytes = Number(value) },
                "--seconds" => options with { Seconds = Number(value) },
                _ => null,
            };
            if (options is null)
            {
                return null;
            }
        }

        return options;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
