using Spectre.Console;

namespace Mewe.Client.Output;

/// <summary>How much a command says.</summary>
internal enum Verbosity
{
    Quiet,
    Normal,
}

/// <summary>
/// Where a command speaks. Results go to standard output; progress, notes and errors to standard error, so that results can be piped. A terminal gets colour and
/// moving progress, anything else plain lines.
/// </summary>
internal sealed class CommandOutput(bool json, Verbosity verbosity)
{
    private readonly IAnsiConsole errors = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });

    /// <summary>True where the result is asked for as JSON.</summary>
    public bool Json { get; } = json;

    public bool IsQuiet => verbosity == Verbosity.Quiet;

    /// <summary>True where standard error is a terminal that a person looks at.</summary>
    public bool ShowsProgress => !IsQuiet && !Console.IsErrorRedirected;

    public IAnsiConsole Errors => errors;

    /// <summary>The console for results.</summary>
    public IAnsiConsole Results { get; } = WideWhereRedirected();

    private static IAnsiConsole WideWhereRedirected()
    {
        var console = AnsiConsole.Console;
        if (Console.IsOutputRedirected)
        {
            // Nobody looks at a page there; a wrapped cell would only be in the way of grep.
            console.Profile.Width = 1000;
        }

        return console;
    }

    /// <summary>One plain line of the result.</summary>
    public static void Line(string text) => Console.Out.WriteLine(text);

    /// <summary>The result as JSON.</summary>
    public static void WriteJson(ReadOnlySpan<byte> utf8)
    {
        using var stream = Console.OpenStandardOutput();
        stream.Write(utf8);
        stream.Write("\n"u8);
    }

    /// <summary>Something a person should know that is not the result.</summary>
    public void Note(string text)
    {
        if (!IsQuiet)
        {
            Console.Error.WriteLine(text);
        }
    }

    /// <summary>Why the command failed, in one line.</summary>
    public static void Error(string text) => Console.Error.WriteLine($"mewe: {text.ReplaceLineEndings(" ")}");
}
