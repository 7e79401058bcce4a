using System.Globalization;

namespace Mewe.Schedulers;

/// <summary>What to measure.</summary>
internal sealed record BenchOptions
{
    public const string Usage = "usage: bench/schedulers [--schedulers leases,orleans] [--silos N] [--workers N] [--jobs N] [--functions N] [--no-recovery]";

    /// <summary>One after the other.</summary>
    public string[] Schedulers { get; init; } = ["leases", "orleans"];

    public int Silos { get; init; } = 3;

    /// <summary>Of each silo.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Jobs that are submitted at once.</summary>
    public int Jobs { get; init; } = 100;

    /// <summary>Of each of these jobs.</summary>
    public int Functions { get; init; } = 100;

    /// <summary>Whether a silo is killed at the end.</summary>
    public bool Recovery { get; init; } = true;

    /// <summary>Null for arguments that mean nothing.</summary>
    public static BenchOptions? Parse(string[] arguments)
    {
        BenchOptions? options = new();
        for (var i = 0; i < arguments.Length && options is not null; i++)
        {
            if (arguments[i] == "--no-recovery")
            {
                options = options with { Recovery = false };
                continue;
            }

            var value = ++i < arguments.Length ? arguments[i] : "";
            options = arguments[i - 1] switch
            {
                "--schedulers" => options with { Schedulers = value.Split(',') },
                "--silos" => options with { Silos = Number(value) },
                "--workers" => options with { Workers = Number(value) },
                "--jobs" => options with { Jobs = Number(value) },
                "--functions" => options with { Functions = Number(value) },
                _ => null,
            };
        }

        return options;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
