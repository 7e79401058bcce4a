using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using DiffPlex.DiffBuilder;
using DiffPlex.DiffBuilder.Model;
using Mewe.Client.Output;
using Mewe.Grains;
using Mewe.Linking;
using Mewe.Wasm;
using Mewe.Wasm.Text;
using Spectre.Console;

namespace Mewe.Client.Verbs;

/// <summary><c>mewe show FILE FUNCTION</c>: a function or a variant as text, and how it differs from its original.</summary>
internal static class ShowVerb
{
    /// <summary>Unchanged lines shown around a change.</summary>
    private const int Context = 3;

    public static Command Command()
    {
        var file = new Argument<string>("FILE") { Description = "A module (.wasm)" };
        var function = new Argument<string>("FUNCTION") { Description = "Its index or name" };
        var variant = new Option<int?>("--variant") { Description = "Of a multivariant module: 0 for the original, 1 and up for its variants", HelpName = "N" };
        variant.TakesNumber();
        var diff = new Option<bool>("--diff") { Description = "How the variant differs from the original" };
        var common = new CommonOptions();
        var command = new Command("show", """
            Print a function in the text format.

            Examples:
              mewe show encrypt.mv.wasm sodium_bin2hex --variant 3
              mewe show encrypt.mv.wasm sodium_bin2hex --variant 3 --diff
            """) { file, function, variant, diff };
        common.AddTo(command);
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(file), parsed.GetRequiredValue(function), parsed.GetValue(variant), parsed.GetValue(diff), common.Output(parsed)));
        return command;
    }

    private static int Run(string path, string wanted, int? variant, bool diff, CommandOutput output)
    {
        var module = Modules.Read(path);
        var function = FunctionArgument.Find(path, module, wanted);
        if (variant is null)
        {
            if (diff)
            {
                throw new CommandException(ExitCode.Usage, "--diff compares a variant with its original: give --variant N as well");
            }

            return Print(module, function, [function], [], null, output);
        }

        var section = MeweSection.TryRead(module, out var error) ?? throw new CommandException(ExitCode.DataError, $"{path}: {error!.Message}");
        var entry = section.Map.Functions.FirstOrDefault(candidate => candidate.Index == function);
        if (entry is null || entry.Variants.IsEmpty)
        {
            throw new CommandException(ExitCode.Usage, $"function {wanted} has no variants{(entry?.Reason is { } reason ? $": {reason}" : "")}");
        }

        var original = entry.FunctionOf(0);
        if (variant < 0 || variant > entry.Variants.Length)
        {
            throw new CommandException(ExitCode.Usage, $"function {wanted} has variants 1 to {entry.Variants.Length} (0 is the original), not {variant}");
        }

        if (variant == 0)
        {
            return Print(module, function, [original], [], diff ? [] : null, output);
        }

        var chosen = entry.Variants[variant.Value - 1];
        var changes = diff ? Compare(Text(module, original), Text(module, chosen.Index)) : null;
        return Print(module, function, [chosen.Index, .. chosen.Outlined], [.. chosen.Transforms], changes, output);
    }

    private static int Print(WasmModule module, uint function, uint[] shown, string[] transforms, List<DiffPiece>? changes, CommandOutput output)
    {
        var texts = shown.Select(index => Modules.Guard("the module", () => WatPrinter.PrintFunction(module, index))).ToArray();
        if (output.Json)
        {
            var lines = changes?.Select(piece => new DiffLine(Sign(piece.Type).ToString(), piece.Text)).ToArray();
            CommandOutput.WriteJson(JsonSerializer.SerializeToUtf8Bytes(new ShownFunction(function, shown[0], transforms, texts, lines), ShowJsonContext.Default.ShownFunction));
            return ExitCode.Success;
        }

        if (transforms.Length > 0)
        {
            CommandOutput.Line($";; {string.Join(", ", transforms)}");
        }

        if (changes is null)
        {
            foreach (var text in texts)
            {
                CommandOutput.Line(text.TrimEnd());
            }
        }
        else
        {
            PrintDiff(changes, output);
            foreach (var text in texts.Skip(1))
            {
                CommandOutput.Line(text.TrimEnd());
            }
        }

        return ExitCode.Success;
    }

    /// <summary>The lines of a function without its head, in which the names differ, and without comments, which follow the nesting.</summary>
    private static string Text(WasmModule module, uint function)
    {
        var lines = WatPrinter.PrintFunction(module, function).Split('\n').Skip(1);
        return string.Join('\n', lines.Select(line => line.IndexOf(" ;;", StringComparison.Ordinal) is var comment and >= 0 ? line[..comment] : line));
    }

    private static List<DiffPiece> Compare(string original, string variant) => InlineDiffBuilder.Diff(original, variant, ignoreWhiteSpace: false).Lines;

    private static void PrintDiff(List<DiffPiece> pieces, CommandOutput output)
    {
        var near = new bool[pieces.Count];
        for (var i = 0; i < pieces.Count; i++)
        {
            if (pieces[i].Type != ChangeType.Unchanged)
            {
                near.AsSpan(Math.Max(0, i - Context), Math.Min(pieces.Count, i + Context + 1) - Math.Max(0, i - Context)).Fill(true);
            }
        }

        for (var i = 0; i < pieces.Count; i++)
        {
            if (!near[i])
            {
                if (i == 0 || near[i - 1])
                {
                    CommandOutput.Line("  ...");
                }

                continue;
            }

            var style = pieces[i].Type switch { ChangeType.Inserted => Color.Green, ChangeType.Deleted => Color.Red, _ => Color.Default };
            output.Results.MarkupLineInterpolated($"[{style.ToMarkup()}]{Sign(pieces[i].Type)} {pieces[i].Text}[/]");
        }
    }

    private static char Sign(ChangeType type) => type switch { ChangeType.Inserted => '+', ChangeType.Deleted => '-', _ => ' ' };
}

/// <param name="Function">The index that was asked for.</param>
/// <param name="Shown">The index of the body that is shown: of a variant, that of the appended function.</param>
/// <param name="Wat">The body, then those of functions outlined from it.</param>
/// <param name="Diff">Null where none was asked for.</param>
internal sealed record ShownFunction(uint Function, uint Shown, string[] Transforms, string[] Wat, DiffLine[]? Diff);

internal sealed record DiffLine(string Sign, string Text);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(ShownFunction))]
internal sealed partial class ShowJsonContext : JsonSerializerContext;
