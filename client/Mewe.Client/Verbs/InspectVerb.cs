using System.CommandLine;
using System.Globalization;
using Mewe.Client.Output;
using Mewe.Grains;
using Spectre.Console;

namespace Mewe.Client.Verbs;

/// <summary><c>mewe inspect FILE</c>: what is in a module, and of a multivariant one where everything came from.</summary>
internal static class InspectVerb
{
    public static Command Command()
    {
        var file = new Argument<string>("FILE") { Description = "A module (.wasm), multivariant or not" };
        var common = new CommonOptions();
        var command = new Command("inspect", """
            Show sections, features and functions; of a multivariant module also its dispatchers, variants and provenance.

            Examples:
              mewe inspect encrypt.mv.wasm
              mewe inspect encrypt.mv.wasm --json | jq '.functions[] | select(.variants != [])'
            """) { file };
        common.AddTo(command);
        command.SetAction(parsed => Run(parsed.GetRequiredValue(file), common.Output(parsed)));
        return command;
    }

    private static int Run(string path, CommandOutput output)
    {
        var inspection = Modules.Guard(path, () => ModuleInspection.Of(Modules.Read(path)));
        if (output.Json)
        {
            CommandOutput.WriteJson(inspection.ToJson());
            return ExitCode.Success;
        }

        CommandOutput.Line(string.Create(CultureInfo.InvariantCulture, $"{path}: {inspection.Bytes:N0} bytes, sha256 {inspection.Sha256}"));
        CommandOutput.Line($"features: {(inspection.Features.IsEmpty ? "WebAssembly 1.0" : string.Join(", ", inspection.Features))}");
        if (inspection.Source is { } source)
        {
            CommandOutput.Line($"multivariant: made from sha256 {source.Sha256} with seed {source.Seed}, {source.Options}");
        }

        var sections = Columns("section", ">offset", ">bytes");
        foreach (var section in inspection.Sections)
        {
            sections.AddRow(Markup.Escape(section.Name), Number(section.Offset), Number(section.Bytes));
        }

        output.Results.Write(sections);
        var multivariant = inspection.Source is not null;
        var functions = multivariant
            ? Columns(">index", "function", ">instructions", ">variants", "policy", "evidence", "fewer because")
            : Columns(">index", "function", ">instructions", "exported as");
        foreach (var function in inspection.Functions)
        {
            var name = Markup.Escape(function.Name);
            var size = function.Imported ? "import" : Number(function.Instructions);
            if (!multivariant)
            {
                functions.AddRow(Number(function.Index), name, size, Markup.Escape(string.Join(", ", function.Exports)));
            }
            else if (!function.Imported)
            {
                functions.AddRow(Number(function.Index), name, size, Number(function.Variants.Length), function.Policy ?? "",
                    string.Join(", ", function.Variants.CountBy(variant => variant.Evidence).Select(pair => $"{pair.Value} {pair.Key}")), Markup.Escape(function.Reason ?? ""));
            }
        }

        output.Results.Write(functions);
        return ExitCode.Success;
    }

    /// <summary>A plain table; a title that starts with '>' is of a column of numbers.</summary>
    private static Spectre.Console.Table Columns(params string[] titles)
    {
        var table = new Spectre.Console.Table().Border(TableBorder.Simple);
        foreach (var title in titles)
        {
            table.AddColumn(title.StartsWith('>') ? new TableColumn(title[1..]).RightAligned().NoWrap() : new TableColumn(title));
        }

        return table;
    }

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
