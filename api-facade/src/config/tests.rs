use super::*;

fn explore(text: &str, read: impl FnOnce(&mut Section<'_>)) -> Vec<String> {
    let file = File::parse(Path::new("f.yaml"), text.to_owned()).unwrap();
    let mut findings = Findings::default();
    file.explore(&mut findings, read);
    let report = findings.conclude(Some(&file)).map_or_else(|invalid| invalid.to_string(), |_| String::new());
    report.lines().skip(1).map(|line| line.trim_start_matches(" - ").to_owned()).collect()
}

fn refusal(text: &str) -> String {
    File::parse(Path::new("f.yaml"), text.to_owned()).err().unwrap().to_string()
}

#[test]
fn what_is_not_one_document_is_refused_as_a_whole() {
    assert!(refusal("a: [\nb: 1").contains("file 'f.yaml': not valid YAML: "), "{}", refusal("a: [\nb: 1"));
    assert!(refusal("a: [\nb: 1").contains("line 3"), "{}", refusal("a: [\nb: 1"));
    assert!(refusal("a: 1\na: 2").contains("duplicate"), "{}", refusal("a: 1\na: 2"));
    assert!(refusal("a: 1\n---\na: 2").contains("one YAML document"));
    let missing = File::read(Path::new("no/such/file.yaml")).err().unwrap().to_string();
    assert!(missing.contains("file 'no/such/file.yaml': cannot be read: "), "{missing}");
}

#[test]
fn all_mistakes_are_told_each_with_its_place() {
    let faults = explore("a: {x: 1, y: {z: [1]}}\nb: text\n7: d\n", |root| {
        root.section("a", |a| {
            a.text("x", &mut None);
            a.section("y", |_| {});
        });
        root.section("b", |_| {});
    });
    assert_eq!(
        faults,
        [
            "field '': a key must be a string, not the number 7",
            "field 'a.x': must be a string, not the number 1; if it is one, quote it (line 1, column 5 of f.yaml)",
            "field 'a.y.z': unknown key; known here:  (line 1, column 15 of f.yaml)",
            "field 'b': must be a section of keys and values, not a string (line 2, column 1 of f.yaml)",
        ]
    );
}

#[test]
fn a_key_may_be_spelled_with_hyphens_but_only_once() {
    let mut slot = None;
    assert_eq!(explore("a-b_c: x", |root| root.text("a_b_c", &mut slot)), Vec::<String>::new());
    assert_eq!(slot.as_deref(), Some("x"));
    let twice = explore("a-b: x\na_b: y", |root| root.text("a_b", &mut slot));
    assert_eq!(twice, ["field 'a_b': given twice: hyphens and underscores mean the same (line 1, column 1 of f.yaml)"]);
}

#[test]
fn a_full_slot_stays_and_the_file_is_checked_all_the_same() {
    let mut slot = Some("flag".to_owned());
    assert!(explore("a: file", |root| root.text("a", &mut slot)).is_empty());
    assert_eq!(slot.as_deref(), Some("flag"));
    assert_eq!(explore("a: [file]", |root| root.text("a", &mut slot)).len(), 1);
}

#[test]
fn long_lists_of_mistakes_and_long_names_are_cut() {
    let keys: Vec<_> = (0..30).map(|number| format!("k{number}: 1")).collect();
    let faults = explore(&keys.join("\n"), |_| {});
    assert_eq!((faults.len(), faults[20].as_str()), (21, "and 10 more"));
    let long = explore(&format!("\"{}\\u0007\": 1", "k".repeat(200)), |_| {});
    assert!(long[0].len() < 200 && long[0].contains('…'), "{long:?}");
}
