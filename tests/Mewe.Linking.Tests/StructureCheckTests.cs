using Mewe.Diversify;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking.Tests;

/// <summary>Whoever changes a multivariant module, or writes a false section, is found out from the two files alone.</summary>
public sealed class StructureCheckTests
{
    private static readonly WasmModule Original = Source();
    private static readonly LinkResult Linked = Link(DispatchPolicy.Entry, RandomnessMode.Wasi);

    /// <summary>The module that has everything, with data as well.</summary>
    private static WasmModule Source()
    {
        var module = EverythingModule.Make();
        module.Data.Add(new DataSegment(0, SegmentMode.Active, 0, ConstantExpression.Of(Instruction.I32Const(16)), "unchanged"u8.ToArray()));
        return ModuleReader.Read(ModuleWriter.Write(module));
    }

    private static LinkResult Link(DispatchPolicy policy, RandomnessMode randomness) =>
        MultivariantLinker.Link(Original, Functions(), new LinkOptions { Policy = policy, Randomness = randomness, ToolVersion = "test", RecordedOptions = "k=3", Seed = 9 });

    private static FunctionVariants[] Functions() =>
    [
        Variants.Padded(Original, EverythingModule.First, 3), Variants.Padded(Original, EverythingModule.Branching, 2),
        new(EverythingModule.Second, []) { Reason = "too small" },
    ];

    private static MultivariantFunction First => Linked.Map.Functions[0];

    private static WasmModule Tampered(Action<WasmModule> tamper)
    {
        var module = ModuleReader.Read(Linked.Module);
        tamper(module);
        return ModuleReader.Read(ModuleWriter.Write(module));
    }

    private static string Differences(WasmModule multivariant) => string.Join('\n', StructureCheck.Compare(Original, multivariant));

    private static void Edit(WasmModule module, uint function, Func<Instruction, Instruction> edit)
    {
        var place = (int)function - module.ImportedFunctionCount;
        var code = module.Bodies[place].Decode();
        var edited = code.Instructions.Select(edit).ToArray();
        Assert.NotEqual(code.Instructions, edited);
        module.Bodies[place] = new FunctionBody(new FunctionCode(code.Locals, [.. edited]));
    }

    private static void Swap(WasmModule module, uint a, uint b)
    {
        var imported = module.ImportedFunctionCount;
        (module.Bodies[(int)a - imported], module.Bodies[(int)b - imported]) = (module.Bodies[(int)b - imported], module.Bodies[(int)a - imported]);
    }

    private static WasmModule WithSection(Func<MeweSection, MeweSection> claim) => Tampered(module =>
        module.SetCustom("mewe", claim(MeweSection.TryRead(module, out _)!).Write()));

    [Theory]
    [InlineData(DispatchPolicy.Call, RandomnessMode.Wasi)]
    [InlineData(DispatchPolicy.Call, RandomnessMode.Export)]
    [InlineData(DispatchPolicy.Entry, RandomnessMode.Import)]
    [InlineData(DispatchPolicy.Instance, RandomnessMode.Wasi)]
    [InlineData(DispatchPolicy.Forced, RandomnessMode.Auto)]
    public void A_module_as_it_was_linked_has_no_differences(DispatchPolicy policy, RandomnessMode randomness) =>
        Assert.Empty(StructureCheck.Compare(Original, ModuleReader.Read(Link(policy, randomness).Module)));

    [Fact]
    public void The_variants_come_out_as_they_went_in()
    {
        var contents = MultivariantReader.TryRead(ModuleReader.Read(Linked.Module), out var error);

        Assert.Null(error);
        Assert.Equal(Functions().OrderBy(function => function.Function).Select(Describe), contents!.Functions.Select(Describe));

        static string Describe(FunctionVariants function) => $"{function.Function} {function.Reason}: " + string.Join("; ", function.Variants.Select(variant =>
            string.Join(',', variant.Steps.Select(step => $"{step.Transform} {string.Join(' ', step.Rules)}")) + variant.Evidence + Code(variant.Code.Code)
            + string.Join('|', variant.Code.Outlined.Select(outlined => outlined.Type + Code(outlined.Code)))));

        static string Code(FunctionCode code) => string.Join(',', code.Locals) + string.Join(',', code.Instructions);
    }

    public static TheoryData<string, string> Tamperings() => new()
    {
        { "an arm of a dispatcher calls another function", "dispatcher" },
        { "a dispatcher multiplies by fewer choices", "dispatcher" },
        { "the salt of a dispatcher", "dispatcher" },
        { "a function that nobody diversified", "its body differs" },
        { "the appended original", "appended original differs" },
        { "originals swapped", "appended original differs" },
        { "a generated function", "generated function" },
        { "a wrapper", "wrapper" },
        { "an export that points past its wrapper", "Export" },
        { "an export that points to another function", "export" },
        { "an extra export", "the original does not have it" },
        { "an export renamed", "export" },
        { "an export removed", "export" },
        { "a byte of data", "data segment 0" },
        { "data added", "data segment 1" },
        { "an element", "element segment 0" },
        { "an element segment added", "element segment" },
        { "the start function", "section Start" },
        { "no start function", "section Start" },
        { "a global's value", "global 0" },
        { "a global added", "Global" },
        { "a table's initialiser", "table 0" },
        { "a memory's size", "memory 0" },
        { "an import renamed", "import 0" },
        { "another import for randomness", "section Import" },
        { "an import added", "section Import" },
        { "a type added", "Type" },
        { "a function added", "not accounted for|Function|cannot|other bytes|differ" },
        { "a custom section changed", "custom section \"producers\"" },
        { "a custom section added", "custom section|section" },
        { "a name", "custom section \"name\"" },
        { "a branch hint", "branch_hint" },
        { "a variant that reads the generator's state", "does not have: global.get" },
        { "a variant that calls another variant", "which the original does not have" },
        { "a variant that calls the generator", "which the original does not have" },
    };

    [Theory]
    [MemberData(nameof(Tamperings))]
    public void Every_change_is_reported(string what, string expected)
    {
        var differences = Differences(Tampered(module => Tamper(module, what)));

        Assert.True(expected.Split('|').Any(part => differences.Contains(part, StringComparison.Ordinal)), $"{what}: {differences}");
    }

    private static void Tamper(WasmModule module, string what)
    {
        var state = (uint)Original.AllGlobals().Length;
        switch (what)
        {
            case "an arm of a dispatcher calls another function":
                Edit(module, First.Index, i => i.Opcode == Opcode.Call && i.Index == First.Variants[1].Index ? i.WithIndex(First.Variants[0].Index) : i);
                break;
            case "a dispatcher multiplies by fewer choices":
                Edit(module, First.Index, i => i == Instruction.I64Const(4) ? Instruction.I64Const(1) : i);
                break;
            case "the salt of a dispatcher":
                Edit(module, First.Index, i => i.Opcode == Opcode.I64Const ? Instruction.I64Const(i.I64 + 1) : i);
                break;
            case "a function that nobody diversified":
                Edit(module, EverythingModule.Second + 1, i => i == Instruction.I32Const(200) ? Instruction.I32Const(201) : i);
                break;
            case "the appended original":
                Edit(module, First.Original!.Value, i => i == Instruction.I32Const(100) ? Instruction.I32Const(101) : i);
                break;
            case "originals swapped":
                Swap(module, First.Original!.Value, Linked.Map.Functions[2].Original!.Value);
                break;
            case "a generated function":
                Edit(module, Linked.Map.Generated.Single(g => g.Role == GeneratedRole.Mix).Index, i => i == Instruction.I64Const(30) ? Instruction.I64Const(31) : i);
                break;
            case "a wrapper":
                Edit(module, Linked.Map.Wrappers[0].Index, i => i.Opcode == Opcode.GlobalSet ? i.WithIndex(state + 1) : i);
                break;
            case "an export that points past its wrapper":
                Replace(module.Exports, e => e.Name == "second", e => e with { Index = EverythingModule.Second + 1 });
                break;
            case "an export that points to another function":
                Replace(module.Exports, e => e.Name == "second", e => e with { Index = First.Index });
                break;
            case "an extra export":
                module.Exports.Add(new Export("extra", ExternKind.Global, state));
                break;
            case "an export renamed":
                Replace(module.Exports, e => e.Name == "second", e => e with { Name = "secund" });
                break;
            case "an export removed":
                module.Exports.RemoveAt(module.Exports.Count - 1);
                break;
            case "a byte of data":
                Replace(module.Data, _ => true, d => d with { Bytes = "unchanged?"u8[..9].ToArray().Select((b, i) => i == 3 ? (byte)'x' : b).ToArray() });
                break;
            case "data added":
                module.Data.Add(new DataSegment(1, SegmentMode.Passive, 0, null, new byte[] { 1 }));
                break;
            case "an element":
                module.Elements[0] = module.Elements[0] with { Functions = [EverythingModule.Second + 1] };
                break;
            case "an element segment added":
                module.Elements.Add(module.Elements[0]);
                break;
            case "the start function":
                module.Start = EverythingModule.Start + 1;
                break;
            case "no start function":
                module.Start = null;
                break;
            case "a global's value":
                module.Globals[0] = module.Globals[0] with { Initializer = ConstantExpression.Of(Instruction.I32Const(1)) };
                break;
            case "a global added":
                module.Globals.Add(module.Globals[0]);
                break;
            case "a table's initialiser":
                module.Tables[0] = module.Tables[0] with { Initializer = ConstantExpression.Of(Instruction.Of(Opcode.RefFunc, First.Index)) };
                break;
            case "a memory's size":
                module.Memories[0] = new MemoryType(new SizeLimits(2, null));
                break;
            case "an import renamed":
                module.Imports[0] = module.Imports[0] with { Name = "other" };
                break;
            case "another import for randomness":
                module.Imports[^1] = module.Imports[^1] with { Name = "random_sit" };
                break;
            case "an import added":
                module.Imports.Add(new Import("host", "memory", new GlobalType(ValueType.I32, false)));
                break;
            case "a type added":
                module.TypeGroups.Add(RecursionGroup.Single(FunctionType.Of([ValueType.F32], [])));
                break;
            case "a function added":
                module.AddFunction(0, module.Bodies[0]);
                break;
            case "a custom section changed":
                module.SetCustom("producers", new byte[] { 0, 0 });
                break;
            case "a custom section added":
                module.SetCustom("target_features", new byte[] { 0 });
                break;
            case "a name":
                var names = module.CustomSections.Single(section => section.Name == "name").Bytes.ToArray();
                names[^1] ^= 1;
                module.SetCustom("name", names);
                break;
            case "a branch hint":
                var hints = module.CustomSections.Single(section => section.Name == "metadata.code.branch_hint").Bytes.ToArray();
                hints[^1] ^= 1;
                module.SetCustom("metadata.code.branch_hint", hints);
                break;
            case "a variant that reads the generator's state":
                Edit(module, First.Variants[0].Index, i => i.Opcode == Opcode.Nop ? Instruction.Of(Opcode.GlobalGet, state) : i);
                break;
            case "a variant that calls another variant":
                Edit(module, First.Variants[0].Index, i => i.Opcode == Opcode.Nop ? Instruction.Call(First.Variants[2].Index) : i);
                break;
            case "a variant that calls the generator":
                Edit(module, First.Variants[0].Index, i => i.Opcode == Opcode.Nop ? Instruction.Call(Linked.Map.Generated[0].Index) : i);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(what), what, null);
        }
    }

    private static void Replace<T>(Section<T> section, Func<T, bool> which, Func<T, T> replace)
    {
        var at = section.IndexOf(section.First(which));
        section[at] = replace(section[at]);
    }

    public static TheoryData<string> FalseClaims() =>
        ["hash", "seed", "policy", "forced", "randomness", "no added import", "another added import", "original and variant exchanged", "a variant left out",
            "a function left out", "a function twice", "an index out of range", "an outlined function claimed as a variant", "a wrapper of another function", "a generated function's role"];

    [Theory]
    [MemberData(nameof(FalseClaims))]
    public void A_section_that_lies_is_reported(string claim) => Assert.NotEmpty(StructureCheck.Compare(Original, WithSection(section => Lie(section, claim))));

    private static MeweSection Lie(MeweSection section, string claim)
    {
        var map = section.Map;
        var first = map.Functions[0];
        MeweSection Functions(params MultivariantFunction[] functions) => section with { Map = map with { Functions = [.. functions] } };
        return claim switch
        {
            "hash" => section with { SourceSha256 = new string('0', 64) },
            "seed" => section with { Seed = 10 },
            "policy" => section with { Map = map with { Policy = DispatchPolicy.Call } },
            "forced" => section with { Map = map with { Policy = DispatchPolicy.Forced, Randomness = RandomnessMode.None } },
            "randomness" => section with { Map = map with { Randomness = RandomnessMode.Import } },
            "no added import" => section with { Map = map with { AddedImport = null } },
            "another added import" => section with { Map = map with { AddedImport = 0 } },
            "original and variant exchanged" => Functions([first with { Original = first.Variants[0].Index, Variants = first.Variants.SetItem(0, first.Variants[0] with { Index = first.Original!.Value }) }, .. map.Functions[1..]]),
            "a variant left out" => Functions([first with { Variants = first.Variants[..^1] }, .. map.Functions[1..]]),
            "a function left out" => Functions([.. map.Functions[1..]]),
            "a function twice" => Functions([first, .. map.Functions]),
            "an index out of range" => Functions([first with { Original = uint.MaxValue }, .. map.Functions[1..]]),
            "an outlined function claimed as a variant" => Functions([first with
            {
                Variants = first.Variants.SetItem(1, first.Variants[1] with { Outlined = [] }).Add(first.Variants[1] with { Index = first.Variants[1].Outlined[0], Outlined = [] }),
            }, .. map.Functions[1..]]),
            "a wrapper of another function" => section with { Map = map with { Wrappers = map.Wrappers.SetItem(0, map.Wrappers[0] with { Function = first.Index }) } },
            "a generated function's role" => section with { Map = map with { Generated = map.Generated.SetItem(0, map.Generated[0] with { Role = GeneratedRole.SeedExport }) } },
            _ => throw new ArgumentOutOfRangeException(nameof(claim), claim, null),
        };
    }

    [Fact]
    public void Another_original_is_reported()
    {
        var other = ModuleReader.Read(ModuleWriter.Write(Original));
        other.SetCustom("producers", new byte[] { 0, 0 });

        Assert.Contains("SHA-256", string.Join('\n', StructureCheck.Compare(ModuleReader.Read(ModuleWriter.Write(other)), ModuleReader.Read(Linked.Module))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_module_that_is_not_multivariant_is_reported() => Assert.Contains("not multivariant", Differences(Original), StringComparison.Ordinal);

    private static string Where(WasmModule module, int offset)
    {
        var body = module.Bodies.ToList().FindIndex(body => offset >= body.Offset && offset < body.Offset + body.Content.Length);
        return body >= 0 ? $"function {body + module.ImportedFunctionCount}" : $"section {module.Layout.Last(place => place.Offset <= offset).Id}";
    }

    [Fact]
    public void A_changed_byte_anywhere_is_reported_or_changes_a_variant_only()
    {
        // Variants are free to be anything in their original's scope, and so are the types of their outlined functions: that is for the tester to judge.
        var module = ModuleReader.Read(Linked.Module);
        var variants = Linked.Map.Functions.SelectMany(function => function.Variants).SelectMany(variant => variant.Outlined.Prepend(variant.Index))
            .Select(index => module.Bodies[(int)index - module.ImportedFunctionCount]).ToList();
        var evidence = Linked.Module.Length - MeweSection.TryRead(module, out _)!.Write().Length;
        var functionSection = module.Layout.Single(place => place.Id == SectionId.Function);
        var firstType = functionSection.Offset + functionSection.PayloadStart + 1;
        var outlinedTypes = Linked.Map.Functions.SelectMany(function => function.Variants).SelectMany(variant => variant.Outlined)
            .Select(index => firstType + index - module.ImportedFunctionCount).ToHashSet();
        for (var i = 0; i < evidence; i++)
        {
            if (outlinedTypes.Contains(i) || variants.Any(body => i >= body.Offset && i < body.Offset + body.Content.Length))
            {
                continue;
            }

            var bytes = (byte[])Linked.Module.Clone();
            bytes[i] ^= 1;
            if (ModuleReader.TryRead(bytes, out _) is { } changed)
            {
                Assert.True(StructureCheck.Compare(Original, changed).Length > 0, $"byte {i} was changed in {Where(module, i)}, and nobody noticed");
            }
        }
    }
}
