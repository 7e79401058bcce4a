using System.Globalization;
using System.Text;
using Mewe.Wasm.Names;

namespace Mewe.Wasm.Text;

/// <summary>
/// Prints modules in the text format (specification, chapter 6): flat instructions, one a line, indented by nesting; names from the name section. Indices
/// and the depths of labels stand in comments; custom sections are mentioned in comments. Numbers are written so that parsing
/// gives the same bits. A module need not be valid to be printed, but its bodies must decode.
/// </summary>
public sealed class WatPrinter
{
    private readonly WasmModule module;
    private readonly WatNames names;
    private readonly WatCode code;
    private readonly int imported;

    /// <summary>Resolves the names of a module, which must not change while it is printed.</summary>
    public WatPrinter(WasmModule module)
    {
        this.module = module;
        names = new WatNames(module);
        code = new WatCode(module, names);
        imported = module.ImportedFunctionCount;
    }

    /// <summary>The whole module.</summary>
    /// <exception cref="WasmException">A body is malformed.</exception>
    public static string Print(WasmModule module)
    {
        using var output = Text();
        new WatPrinter(module).WriteModule(output);
        return output.ToString();
    }

    /// <summary>One function, imports counted first, as it would stand in the module.</summary>
    /// <exception cref="WasmException">The body is malformed.</exception>
    public static string PrintFunction(WasmModule module, uint function)
    {
        using var output = Text();
        new WatPrinter(module).WriteFunction(output, function, "");
        return output.ToString();
    }

    /// <summary>How code calls a function: $name, or its index.</summary>
    public string FunctionReference(uint function) => names.Reference(NameKind.Function, function);

    /// <summary>The instructions of code that need not be in the module, one a line without indentation, as <paramref name="function"/> would have them.</summary>
    public IReadOnlyList<string> Lines(uint function, FunctionCode body)
    {
        using var output = Text();
        code.WriteInstructions(output, body.Instructions.AsSpan(), "", new WatScope(names, function), indent: false);
        return output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    public void WriteModule(TextWriter output)
    {
        output.Write($"(module{(names.Module is { } name ? " " + name : "")}\n");
        WriteTypes(output);
        WriteImports(output);
        WriteDefinitions(output);
        for (var i = 0; i < module.Elements.Count; i++)
        {
            WriteElement(output, (uint)i, module.Elements[i]);
        }

        for (var i = 0; i < module.FunctionTypes.Count; i++)
        {
            WriteFunction(output, (uint)(imported + i), "  ");
        }

        for (var i = 0; i < module.Data.Count; i++)
        {
            WriteData(output, (uint)i, module.Data[i]);
        }

        foreach (var place in module.Layout)
        {
            if (place.Custom is { } custom)
            {
                output.Write($"  ;; custom section {WatLiteral.Quote(custom.Name)}, {custom.Bytes.Length} bytes\n");
            }
        }

        output.Write(")\n");
    }

    /// <summary>One function, imports counted first.</summary>
    public void WriteFunction(TextWriter output, uint function, string margin)
    {
        if (function < imported)
        {
            var import = module.Imports.Where(import => import.Type is FunctionExtern).ElementAt((int)function);
            output.Write($"{margin}{ImportText(import, NameKind.Function, function)}\n");
            return;
        }

        var scope = new WatScope(names, function);
        var typeIndex = module.FunctionTypes[(int)function - imported];
        var body = module.Bodies[(int)function - imported].Decode();
        output.Write($"{margin}(func{names.Definition(NameKind.Function, function)}{code.TypeUse(typeIndex, scope)}\n");
        var first = code.FunctionType(typeIndex)?.Parameters.Length ?? 0;
        WriteLocals(output, margin + "  ", body, scope, (uint)first);
        code.WriteInstructions(output, body.Instructions.AsSpan()[..^1], margin + "  ", scope, indent: true);
        output.Write($"{margin})\n");
    }

    private static StringWriter Text() => new(new StringBuilder(), CultureInfo.InvariantCulture) { NewLine = "\n" };

    private void WriteLocals(TextWriter output, string margin, FunctionCode body, WatScope scope, uint index)
    {
        var line = new StringBuilder();
        foreach (var group in body.Locals)
        {
            for (var i = 0u; i < group.Count; i++, index++)
            {
                if (scope.Locals.TryGetValue(index, out var name))
                {
                    line.Append($" (local {name} {code.Type(group.Type)})");
                }
                else
                {
                    line.Append($" (local {code.Type(group.Type)})");
                }
            }
        }

        if (line.Length > 0)
        {
            output.Write($"{margin}{line.Remove(0, 1)}\n");
        }
    }

    private void WriteTypes(TextWriter output)
    {
        var index = 0u;
        foreach (var group in module.TypeGroups)
        {
            var recursive = group.Explicit || group.Members.Length != 1;
            if (recursive)
            {
                output.Write("  (rec\n");
            }

            foreach (var member in group.Members)
            {
                output.Write($"{(recursive ? "    " : "  ")}(type{names.Definition(NameKind.Type, index)} {code.SubTypeText(member, index)})\n");
                index++;
            }

            if (recursive)
            {
                output.Write("  )\n");
            }
        }
    }

    private void WriteImports(TextWriter output)
    {
        var counts = new uint[(int)ExternKind.Tag + 1];
        foreach (var import in module.Imports)
        {
            output.Write($"  {ImportText(import, KindOf(import.Type.Kind), counts[(int)import.Type.Kind]++)}\n");
        }
    }

    private string ImportText(Import import, NameKind kind, uint index) =>
        $"(import {WatLiteral.Quote(import.Module)} {WatLiteral.Quote(import.Name)} ({Word(import.Type.Kind)}{names.Definition(kind, index)}{ExternText(import.Type)}))";

    private string ExternText(ExternType type) => type switch
    {
        FunctionExtern function => code.TypeUse(function.TypeIndex, null),
        TagType tag => code.TypeUse(tag.TypeIndex, null),
        TableType table => $" {LimitsText(table.Limits)} {code.Type(table.Element)}",
        MemoryType memory => " " + LimitsText(memory.Limits),
        GlobalType { Mutable: true } global => $" (mut {code.Type(global.Value)})",
        GlobalType global => " " + code.Type(global.Value),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    private static string LimitsText(SizeLimits limits) =>
        $"{(limits.Is64 ? "i64 " : "")}{limits.Minimum}{(limits.Maximum is { } maximum ? $" {maximum}" : "")}{(limits.Shared ? " shared" : "")}";

    private static NameKind KindOf(ExternKind kind) => kind switch
    {
        ExternKind.Function => NameKind.Function,
        ExternKind.Table => NameKind.Table,
        ExternKind.Memory => NameKind.Memory,
        ExternKind.Global => NameKind.Global,
        _ => NameKind.Tag,
    };

    private static string Word(ExternKind kind) => kind == ExternKind.Function ? "func" : kind.ToString().ToLowerInvariant();

    private void WriteDefinitions(TextWriter output)
    {
        var index = (uint)module.ImportsOf<TableType>().Count();
        foreach (var table in module.Tables)
        {
            var initializer = table.Initializer is null ? "" : " " + code.Constant(table.Initializer);
            output.Write($"  (table{names.Definition(NameKind.Table, index++)}{ExternText(table.Type)}{initializer})\n");
        }

        index = (uint)module.ImportsOf<MemoryType>().Count();
        foreach (var memory in module.Memories)
        {
            output.Write($"  (memory{names.Definition(NameKind.Memory, index++)}{ExternText(memory)})\n");
        }

        index = (uint)module.ImportsOf<TagType>().Count();
        foreach (var tag in module.Tags)
        {
            output.Write($"  (tag{names.Definition(NameKind.Tag, index++)}{ExternText(tag)})\n");
        }

        index = (uint)module.ImportsOf<GlobalType>().Count();
        foreach (var global in module.Globals)
        {
            output.Write($"  (global{names.Definition(NameKind.Global, index++)}{ExternText(global.Type)} {code.Constant(global.Initializer)})\n");
        }

        foreach (var export in module.Exports)
        {
            output.Write($"  (export {WatLiteral.Quote(export.Name)} ({Word(export.Kind)} {names.Reference(KindOf(export.Kind), export.Index)}))\n");
        }

        if (module.Start is { } start)
        {
            output.Write($"  (start {FunctionReference(start)})\n");
        }
    }

    private void WriteElement(TextWriter output, uint index, ElementSegment element)
    {
        output.Write($"  (elem{names.Definition(NameKind.Element, index)}");
        if (element.Mode == SegmentMode.Active)
        {
            var table = element.Table != 0 || (element.Form & 2) != 0 ? $" (table {names.Reference(NameKind.Table, element.Table)})" : "";
            output.Write($"{table} (offset {code.Constant(element.Offset!)})");
        }
        else if (element.Mode == SegmentMode.Declarative)
        {
            output.Write(" declare");
        }

        if (element.Expressions.IsDefault)
        {
            output.Write(" func");
            foreach (var function in element.Functions)
            {
                output.Write(" " + FunctionReference(function));
            }
        }
        else
        {
            output.Write(" " + code.Type(element.Type));
            foreach (var expression in element.Expressions)
            {
                output.Write($" (item {code.Constant(expression)})");
            }
        }

        output.Write(")\n");
    }

    private void WriteData(TextWriter output, uint index, DataSegment data)
    {
        output.Write($"  (data{names.Definition(NameKind.Data, index)}");
        if (data.Mode == SegmentMode.Active)
        {
            var memory = data.Memory != 0 || data.Form == 2 ? $" (memory {names.Reference(NameKind.Memory, data.Memory)})" : "";
            output.Write($"{memory} (offset {code.Constant(data.Offset!)})");
        }

        output.Write($" {WatLiteral.Quote(data.Bytes.Span)})\n");
    }
}
